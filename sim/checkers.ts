/**
 * What must hold at the end of every run, counted anew from the tables: conservation of bytes and pieces, and links
 * within their capacity. The contract has its own checker, at every instant (`origin-watch.ts`).
 */
import { microsecondsPerMillisecond, none } from '#core/units.ts';
import { CheckerError } from './checker-error.ts';
import { flowKind } from './flow-meter.ts';
import { linkDoubles, linkField } from './transfer-table.ts';
import type { World } from './world.ts';

const roundingRatio = 1e-6;

/** Books what is still under way, then checks; throws a `CheckerError`. */
export function closeAndCheck(world: World): void {
  bookPartial(world);
  checkConservation(world);
  checkPieces(world);
  checkLinks(world);
}

function bookPartial(world: World): void {
  const { network, accounts } = world.state;
  for (let transfer = 0; transfer < network.transfersUsed; transfer++) {
    if (!network.isActive(transfer)) continue;
    network.settle(transfer);
    const target = network.target(transfer);
    const { downloads } = world.tasks[network.taskOf(transfer)];
    const asked = downloads.asked(target, network.piece(transfer));
    const bytes = Math.max(0, Math.floor(asked - network.remaining(transfer)));
    accounts.received(network.source(transfer), target, bytes);
    accounts.partial(target, bytes);
  }
  for (const { state, downloads } of world.tasks) {
    for (const client of state.clients()) accounts.partial(client, downloads.partialBytes[client]);
  }
}

function checkConservation(world: World): void {
  const { state } = world;
  const { accounts, scenario, flow } = state;
  let received = 0;
  accounts.classes.forEach((account, index) => {
    const sent = account.origin + account.relay + account.peer;
    const became = account.delivered + account.duplicate + account.discarded + account.partial;
    received += sent;
    if (sent !== became)
      fail(
        world,
        'conservation',
        `class ${scenario.clients[index].name} received ${sent} bytes, of which ${became} are accounted for`,
      );
  });
  const sent = received + accounts.originToRelay + accounts.relayToRelay + accounts.peerToRelay;
  const flowed = flow.total(flowKind.origin) + flow.total(flowKind.relay) + flow.total(flowKind.peer);
  // Each transfer under way is rounded down to whole bytes.
  const rounding =
    roundingRatio * flowed + accounts.transferCount + accounts.brokenOffCount + state.network.transfersUsed + 1;
  if (Math.abs(flowed - sent) > rounding) fail(world, 'conservation', `${flowed} bytes flowed, ${sent} were received`);
}

function checkPieces(world: World): void {
  const { accounts, population, scenario } = world.state;
  const held = scenario.clients.map(() => 0);
  for (const { state, downloads } of world.tasks) {
    const { sets } = state;
    for (const client of state.clients()) {
      held[population.classOf[client]] += downloads.heldBytes(client);
      let count = 0;
      for (let piece = 0; piece < sets.pieceCount; piece++) if (sets.holds(client, piece)) count++;
      if (count !== sets.heldCount(client))
        fail(world, 'pieces', `client ${client} holds ${count} pieces, counted ${sets.heldCount(client)}`);
    }
  }
  held.forEach((bytes, index) => {
    const { delivered } = accounts.classes[index];
    if (bytes !== delivered)
      fail(world, 'pieces', `class ${scenario.clients[index].name} holds ${bytes} bytes, ${delivered} were delivered`);
  });
}

function checkLinks(world: World): void {
  const { network } = world.state;
  for (let link = 0; link < network.linkCount; link++) {
    const capacity = network.links[link * linkDoubles + linkField.capacity];
    let rate = 0;
    for (let transfer = network.firstTransfer(link); transfer !== none; transfer = network.nextOnLink(transfer, link))
      rate += network.rate(transfer);
    if (rate > capacity * (1 + roundingRatio) + 1)
      fail(world, 'link capacity', `link ${link} carries ${rate} B/s of ${capacity}`);
  }
}

function fail(world: World, checker: string, what: string): never {
  throw new CheckerError(checker, world.state.now / microsecondsPerMillisecond, what);
}
