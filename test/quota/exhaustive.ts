/** Every interleaving of a tiny world, breadth first, each state once. */
import { ContractViolation } from './origin-truth.ts';
import { type Step, TinyWorld } from './tiny-world.ts';

export interface Found {
  /** Steps up to which every interleaving was tried. */
  depth: number;
  states: number;
  tried: number;
  violation?: { path: Step[]; error: ContractViolation };
}

/** A state is the way that leads to it: worlds are cheap to build, and their classes need no copying. */
interface State {
  before: State | undefined;
  step: Step;
}

function worldOf(connections: number, state: State | undefined): TinyWorld {
  const world = new TinyWorld(connections);
  for (const step of pathOf(state)) world.apply(step);
  return world;
}

function pathOf(state: State | undefined): Step[] {
  const path: Step[] = [];
  for (let at = state; at !== undefined; at = at.before) path.push(at.step);
  return path.reverse();
}

/** Until `depthMax` steps, or until the time is up (then up to the last depth that was finished). */
export function search(connections: number, depthMax: number, millisecondsMax: number, withLoss: boolean): Found {
  const endAt = performance.now() + millisecondsMax;
  const seen = new Set<string>([new TinyWorld(connections).key()]);
  let frontier: (State | undefined)[] = [undefined];
  const found: Found = { depth: 0, states: 1, tried: 0 };
  while (found.depth < depthMax && frontier.length > 0) {
    const next: State[] = [];
    for (const state of frontier) {
      if (performance.now() > endAt) return { ...found, states: seen.size };
      for (const step of worldOf(connections, state).steps(withLoss)) {
        const child = { before: state, step };
        found.tried++;
        const world = worldOf(connections, state);
        try {
          world.apply(step);
        } catch (error) {
          if (!(error instanceof ContractViolation)) throw error;
          return { ...found, states: seen.size, violation: { path: pathOf(child), error } };
        }
        const key = world.key();
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(child);
      }
    }
    frontier = next;
    found.depth++;
    found.states = seen.size;
  }
  return found;
}

export function tell({ depth, states, tried, violation }: Found, connections: number): string {
  const line = `${connections} connections: all orders of ${depth} steps, ${states} states, ${tried} steps tried`;
  if (violation === undefined) return `${line}, 0 violations`;
  const path = violation.path.map((step) => step.join(' ')).join(', ');
  return `${line}\n${violation.error.message}\nafter ${path}`;
}
