/**
 * The control servers' side of the origin's leases: one of them owns the ledger and grants, by the core; the others
 * pass messages on and take over when it is gone.
 */
import type { OriginContract } from '#core/quota/contract.ts';
import { slackNeededMilliseconds } from '#core/quota/lease.ts';
import { MemoryLedger, resumedMilliseconds } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import { partOf, type QuotaTerms, quotaTermsDefault } from '#core/quota/terms.ts';
import { quotaBandCount, type ShareNode, shareNode } from '#core/quota/tree.ts';
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { Contract, Scenario, Task } from '#scenarios/format/scenario.ts';
import type { Mail } from './mail.ts';
import type { OriginHolders } from './origin-holders.ts';
import type { OriginWatch } from './origin-watch.ts';
import { event, eventKind, type State } from './state.ts';

/** How long it takes to see that the owner is gone. */
const takeoverMilliseconds = 5_000;
/** By how much the wall clocks of two control servers may differ. */
const wallErrorMaxMilliseconds = 1_000;
/** A round at most so often: each looks at every holder, and a run has many hours of them. */
const roundMinMilliseconds = 200;
/** Connections are shaped to their lease's rate: the owner only needs some burst to divide. */
const burstMinBytes = 65_536;

export function quotaTermsOf({ control, fidelity }: Scenario): QuotaTerms {
  const driftMillionths = Math.ceil(control.driftMax * 1e6);
  const ttlMilliseconds = Math.max(3, Math.floor(control.leaseMilliseconds));
  return {
    ...quotaTermsDefault,
    ttlMilliseconds,
    driftMillionths,
    slackMilliseconds: Math.max(
      Math.floor(control.slackMilliseconds),
      slackNeededMilliseconds(ttlMilliseconds, driftMillionths / 1e6),
    ),
    turnMilliseconds: Math.min(quotaTermsDefault.turnMilliseconds, Math.floor(ttlMilliseconds * 0.75)),
    roundMinMilliseconds: fidelity === 'scale' ? 1000 : roundMinMilliseconds,
  };
}

interface Server {
  isUp: boolean;
  /** It believes that it owns the ledger. */
  owner: OriginOwner | null;
  /** Ledger time at which it took over, and when that was, milliseconds. */
  ledgerFrom: number;
  tookOverAt: number;
  /** Microseconds; Infinity = none is queued. */
  roundAt: number;
}

export class OriginControl {
  /** In force. */
  contract: Contract;
  /** Times that a server took over, and that one found itself fenced off. */
  takeoverCount = 0;
  fencedCount = 0;
  readonly #state: State;
  readonly #mail: Mail;
  readonly #holders: OriginHolders;
  readonly #watch: OriginWatch;
  readonly #terms: QuotaTerms;
  readonly #servers: Server[];
  #ledger = new MemoryLedger();
  /** A change that no server was there to take. */
  #pending: Contract | null = null;
  #heardAt = -Infinity;

  constructor(state: State, mail: Mail, holders: OriginHolders, watch: OriginWatch, terms: QuotaTerms) {
    this.#state = state;
    this.#mail = mail;
    this.#holders = holders;
    this.#watch = watch;
    this.#terms = terms;
    this.contract = state.scenario.origin.contract;
    this.#servers = Array.from({ length: Math.max(1, state.scenario.control.count) }, () => ({
      isUp: true,
      owner: null,
      ledgerFrom: 0,
      tookOverAt: 0,
      roundAt: Infinity,
    }));
    if (state.network.originTaken !== null) this.#takeOver(0);
  }

  get isUp(): boolean {
    return this.#servers.some(({ isUp }) => isUp);
  }

  /** A holder's message has come: whoever owns the ledger, or believes so, takes it. */
  receive(message: HolderMessage): void {
    this.#heardAt = this.#state.now;
    for (const [index, server] of this.#servers.entries()) {
      if (!server.isUp || server.owner === null) continue;
      server.owner.receive(message, this.#ledgerNow(server));
      this.#queueRound(index);
    }
  }

  /** A round, or a takeover, of the server is due. */
  round(index: number): void {
    const server = this.#servers[index];
    const { now } = this.#state;
    if (now < server.roundAt) return;
    server.roundAt = Infinity;
    if (!server.isUp || server.owner === null) return this.#takeOverIfNobodyDoes(index);
    const { owner } = server;
    const round = owner.round(this.#ledgerNow(server), this.#wallNow());
    if (!this.#ledger.write(round.epoch, round.entries)) {
      owner.stepDown();
      server.owner = null;
      this.fencedCount++;
      return;
    }
    for (const grant of round.grants) this.#send(grant);
    this.#watch.setShort(now, this.#grantableWhileShort(owner));
    const { forgetMilliseconds, ttlMilliseconds } = this.#terms;
    const since = (now - this.#heardAt) / microsecondsPerMillisecond;
    if (since < forgetMilliseconds + 2 * ttlMilliseconds) this.#queueRound(index);
  }

  /** High water, if those who have a connection want at least as much; else 0. */
  #grantableWhileShort({ accounts, contract }: OriginOwner): number {
    const grantable = partOf(contract.bytesPerSecond, this.#terms.highWaterThousandths);
    let wanted = 0;
    for (let row = 0; row < accounts.end && wanted < grantable; row++) {
      if (accounts.isUsed[row] === 1 && accounts.promises.newestSlots(row) > 0)
        wanted += accounts.demandBytesPerSecond[row];
    }
    return wanted >= grantable ? grantable : 0;
  }

  /** Number and epoch of the server that owns the ledger, or believes so; null = none does. */
  get owner(): { server: number; epoch: number } | null {
    const server = this.#servers.findIndex(({ isUp, owner }) => isUp && owner !== null);
    return server === -1 ? null : { server, epoch: this.#servers[server].owner?.epoch ?? 0 };
  }

  // ---- Faults -----------------------------------------------------------------------------------------------------

  setContract(contract: Contract): void {
    if (!this.#servers.some(({ isUp, owner }) => isUp && owner !== null) && this.#state.network.originTaken !== null) {
      this.#pending = contract;
      return;
    }
    this.#pending = null;
    this.contract = contract;
    const { ttlMilliseconds, slackMilliseconds } = this.#terms;
    this.#watch.setContract(contract, this.#state.now, ttlMilliseconds + slackMilliseconds);
    for (const [index, server] of this.#servers.entries()) {
      if (server.owner === null) continue;
      server.owner.setContract(this.quotaContract(), this.#ledgerNow(server));
      this.#queueRound(index);
    }
  }

  takeDown(index: number, isLedgerLost: boolean): void {
    const server = this.#servers[index];
    const wasOwner = server.owner !== null;
    server.isUp = false;
    server.owner = null;
    if (isLedgerLost && wasOwner) this.#ledger = new MemoryLedger(this.#ledger.epoch);
    const next = this.#servers.findIndex(({ isUp }) => isUp);
    if (wasOwner && next !== -1)
      this.#queueAt(next, this.#state.now + takeoverMilliseconds * microsecondsPerMillisecond);
  }

  bringUp(index: number): void {
    this.#servers[index].isUp = true;
    this.#takeOverIfNobodyDoes(index);
  }

  /** A second server believes that the first is gone, and takes over beside it. */
  claim(index: number): void {
    if (this.#servers[index].isUp) this.#takeOver(index);
  }

  /** The first of the others takes the ledger back. */
  endClaim(index: number): void {
    const other = this.#servers.findIndex(({ isUp }, each) => isUp && each !== index);
    if (other !== -1 && this.#servers[index].owner !== null) this.#takeOver(other);
  }

  #takeOverIfNobodyDoes(index: number): void {
    const isOwned = this.#servers.some(({ isUp, owner }) => isUp && owner !== null);
    if (this.#servers[index].isUp && !isOwned && this.#state.network.originTaken !== null) this.#takeOver(index);
  }

  #takeOver(index: number): void {
    const server = this.#servers[index];
    const state = this.#ledger.takeOver();
    const { scenario, network } = this.#state;
    server.ledgerFrom = resumedMilliseconds(state, this.#wallNow(), wallErrorMaxMilliseconds);
    server.tookOverAt = this.#wallNow();
    server.owner = new OriginOwner(
      {
        origin: 0,
        contract: this.quotaContract(),
        terms: this.#terms,
        nodes: scenario.tasks.flatMap((task) => nodesOf(task, scenario)),
        holdersMax: Math.max(1, Math.min(2 * this.#holders.table.rowCount, network.originTaken?.length ?? 1)),
      },
      state,
      server.ledgerFrom,
    );
    this.takeoverCount++;
    this.#heardAt = this.#state.now;
    this.#queueRound(index);
    if (this.#pending !== null) this.setContract(this.#pending);
  }

  // ---- Messages and time ------------------------------------------------------------------------------------------

  #send(grant: LeaseGrant): void {
    const { scenario, network, population } = this.#state;
    const endpoint =
      grant.holder < network.endpointCount
        ? grant.holder
        : (grant.holder - network.endpointCount) % network.clientsFrom;
    this.#mail.post(scenario.control.region, population.region[endpoint], () => this.#holders.receive(grant));
  }

  #queueRound(index: number): void {
    const server = this.#servers[index];
    if (server.owner === null) return;
    const due = server.owner.nextRoundMilliseconds() - server.ledgerFrom + server.tookOverAt;
    this.#queueAt(index, Math.max(this.#state.now, due === -Infinity ? 0 : due * microsecondsPerMillisecond));
  }

  #queueAt(index: number, at: number): void {
    const server = this.#servers[index];
    if (at >= server.roundAt) return;
    server.roundAt = at;
    this.#state.queue.push(at, event(eventKind.quota, index));
  }

  /** Whole milliseconds by a wall clock that is right. */
  #wallNow(): number {
    return Math.floor(this.#state.now / microsecondsPerMillisecond);
  }

  #ledgerNow(server: Server): number {
    return server.ledgerFrom + this.#wallNow() - server.tookOverAt;
  }

  /** The contract in force as the core takes it. */
  quotaContract(): OriginContract {
    const { connectionsMax, bytesPerSecondMax, burstBytes, traffic } = this.contract;
    const { uplinkBytesPerSecond } = this.#state.scenario.origin;
    // No more is promised than the origin's own line and connections can bear.
    const uplink = Math.ceil((uplinkBytesPerSecond * 1000) / this.#terms.highWaterThousandths);
    return {
      connections: Math.min(Math.floor(connectionsMax), this.#state.connectionsMax(0)),
      bytesPerSecond: Math.floor(Math.min(bytesPerSecondMax, uplink)),
      burstBytes: Math.floor(Math.max(burstBytes, burstMinBytes)),
      windows: traffic.map(({ windowMilliseconds, bytesMax }) => ({ windowMilliseconds, bytes: Math.floor(bytesMax) })),
    };
  }
}

/** A task's relays, then its clients. Relays come first: each of their bytes is multiplied by the swarm. */
function nodesOf(
  { band, weight, floorBytesPerSecond, ceilingBytesPerSecond }: Task,
  { origin }: Scenario,
): ShareNode[] {
  const { bytesPerSecondMax } = origin.contract;
  const floor = Math.floor(Math.min(floorBytesPerSecond, bytesPerSecondMax, 2 ** 42));
  const ceiling = Math.floor(ceilingBytesPerSecond);
  return [
    shareNode(0, { weight, ceilingBytesPerSecond: ceiling }),
    shareNode(Math.min(1 + band, quotaBandCount - 1), {
      weight,
      floorBytesPerSecond: floor,
      ceilingBytesPerSecond: ceiling,
    }),
  ];
}
