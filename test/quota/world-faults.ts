/** What may happen in a world, as plain data, so that a run can be printed, repeated and shrunk. */
import { shareNode } from '#core/quota/tree.ts';
import type { Limits } from './origin-truth.ts';
import type { World } from './world.ts';

export type Happening =
  | { do: 'pass'; milliseconds: number }
  | { do: 'want'; holder: number; bytesPerSecond: number; slots: number }
  | { do: 'use'; holder: number; thousandths: number }
  | { do: 'release'; holder: number }
  | { do: 'crash-holder'; holder: number }
  | { do: 'restart-holder'; holder: number }
  | { do: 'suspend'; holder: number }
  | { do: 'resume'; holder: number }
  | { do: 'step-wall'; holder: number; milliseconds: number }
  | { do: 'cut-off'; holder: number; isCutOff: boolean }
  | { do: 'crash-server'; server: number }
  | { do: 'take-over'; server: number }
  | { do: 'lose-ledger'; server: number }
  | { do: 'limit'; thousandths: number }
  | { do: 'weight'; node: number; weight: number; band: number }
  | { do: 'wire'; lossThousandths: number; doubleThousandths: number; delayMaxMilliseconds: number };

/** Does it; numbers of holders and servers wrap around, so that every happening fits every world. */
export function happen(world: World, what: Happening): void {
  switch (what.do) {
    case 'pass':
      return world.pass(what.milliseconds);
    case 'crash-server':
      return world.servers[what.server % world.servers.length]!.crash();
    case 'take-over':
      return world.takeOver(what.server % world.servers.length);
    case 'lose-ledger':
      return world.loseLedger(what.server % world.servers.length);
    case 'limit':
      return world.setContract(scaled(world.options.contract, what.thousandths));
    case 'weight':
      return reweigh(world, what);
    case 'wire': {
      const { lossThousandths, doubleThousandths, delayMaxMilliseconds } = what;
      const faults = { delayMinMilliseconds: 1, delayMaxMilliseconds, lossThousandths, doubleThousandths };
      world.toControl.faults = faults;
      world.toHolders.faults = faults;
      return;
    }
    default:
      return happenToHolder(world, what);
  }
}

function happenToHolder(world: World, what: Extract<Happening, { holder: number }>): void {
  const holder = world.holders[what.holder % world.holders.length]!;
  switch (what.do) {
    case 'want':
      holder.wants = { bytesPerSecond: what.bytesPerSecond, slots: what.slots };
      return;
    case 'use':
      holder.useThousandths = what.thousandths;
      return;
    case 'release':
      return holder.release(world.now, (message) => world.toControl.send(world.now, message));
    case 'crash-holder':
      return holder.crash(world.now, world.draws.isHit(500));
    case 'restart-holder':
      return holder.restart(world.now);
    case 'suspend':
      return holder.suspend(world.now, world.options.terms.ttlMilliseconds);
    case 'resume':
      return holder.resume(world.now);
    case 'step-wall':
      return holder.stepWall(world.now, what.milliseconds, world.options.terms.ttlMilliseconds);
    case 'cut-off':
      holder.isCutOff = what.isCutOff;
      return;
    default:
      what satisfies never;
  }
}

function reweigh(world: World, { node, weight, band }: { node: number; weight: number; band: number }): void {
  const at = node % world.nodes.length;
  world.setNodes(world.nodes.map((one, index) => (index === at ? shareNode(band, { ...one, weight, band }) : one)));
}

function scaled(limits: Limits, thousandths: number): Limits {
  const part = (limit: number) => (limit === Infinity ? limit : Math.floor((limit * thousandths) / 1000));
  return {
    connections: part(limits.connections),
    bytesPerSecond: part(limits.bytesPerSecond),
    burstBytes: part(limits.burstBytes),
    windows: limits.windows.map(({ windowMilliseconds, bytes }) => ({ windowMilliseconds, bytes: part(bytes) })),
  };
}

/** Everything works again. */
export function heal(world: World): void {
  world.toControl.faults = {
    delayMinMilliseconds: 1,
    delayMaxMilliseconds: 20,
    lossThousandths: 0,
    doubleThousandths: 0,
  };
  world.toHolders.faults = world.toControl.faults;
  for (const holder of world.holders) {
    holder.resume(world.now);
    holder.restart(world.now);
    holder.isCutOff = false;
    holder.useThousandths = 1000;
  }
  if (world.owning() === undefined) world.takeOver(0);
}
