/** Worlds and what happens in them for fast-check: found cases shrink to few happenings. */
import fc from 'fast-check';
import { worldOptionsOf } from './random-world.ts';
import { Draws } from './wire.ts';
import { World, type WorldOptions } from './world.ts';
import { type Happening, happen } from './world-faults.ts';

const index = fc.nat({ max: 7 });
const wire = fc.record({
  do: fc.constant('wire' as const),
  lossThousandths: fc.constantFrom(0, 50, 300, 900),
  doubleThousandths: fc.constantFrom(0, 300),
  delayMaxMilliseconds: fc.constantFrom(5, 200, 2000, 15_000),
});

/** Each kind of happening on its own, to be mixed per invariant. */
export const kinds = {
  pass: fc.record({ do: fc.constant('pass' as const), milliseconds: fc.integer({ min: 1, max: 4000 }) }),
  want: fc.record({
    do: fc.constant('want' as const),
    holder: index,
    bytesPerSecond: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200_000 })),
    slots: fc.nat({ max: 5 }),
  }),
  use: fc.record({ do: fc.constant('use' as const), holder: index, thousandths: fc.constantFrom(0, 100, 1000) }),
  release: fc.record({ do: fc.constant('release' as const), holder: index }),
  crash: fc.record({ do: fc.constantFrom('crash-holder' as const, 'restart-holder' as const), holder: index }),
  sleep: fc.record({ do: fc.constantFrom('suspend' as const, 'resume' as const), holder: index }),
  stepWall: fc.record({
    do: fc.constant('step-wall' as const),
    holder: index,
    milliseconds: fc.integer({ min: -5000, max: 20_000 }),
  }),
  cutOff: fc.record({ do: fc.constant('cut-off' as const), holder: index, isCutOff: fc.boolean() }),
  failover: fc.record({ do: fc.constantFrom('take-over' as const, 'crash-server' as const), server: index }),
  loss: fc.record({ do: fc.constant('lose-ledger' as const), server: index }),
  limit: fc.record({ do: fc.constant('limit' as const), thousandths: fc.constantFrom(600, 1000, 2000) }),
  deepCut: fc.record({ do: fc.constant('limit' as const), thousandths: fc.constantFrom(0, 100, 1000) }),
  weight: fc.record({
    do: fc.constant('weight' as const),
    node: index,
    weight: fc.integer({ min: 1, max: 9 }),
    band: fc.nat({ max: 3 }),
  }),
  wire,
} satisfies Record<string, fc.Arbitrary<Happening>>;

export interface Course {
  seed: number;
  happenings: Happening[];
}

/** Half of all happenings let time pass. */
export function courses(...others: fc.Arbitrary<Happening>[]): fc.Arbitrary<Course> {
  const happening = fc.oneof({ weight: others.length, arbitrary: kinds.pass }, ...others);
  return fc.record({
    seed: fc.nat({ max: 1_000_000 }),
    happenings: fc.array(happening, { minLength: 5, maxLength: 60, size: 'max' }),
  });
}

/** Runs the course to its end; throws a `ContractViolation` where one happens. */
export function run(course: Course, change: (options: WorldOptions) => Partial<WorldOptions> = () => ({})): World {
  const options = worldOptionsOf(new Draws(course.seed), course.seed);
  const world = new World({ ...options, ...change(options) });
  for (const happening of course.happenings) {
    happen(world, happening);
    world.audit();
  }
  world.pass(world.options.terms.ttlMilliseconds);
  world.audit();
  return world;
}

let hasFailed = false;

/**
 * Checks a property that is named after its invariant. A failure prints seed, path and the smallest case; this line
 * repeats it: `SLUICE_SEED=… SLUICE_PATH=I7/0:1:2 npx node test/run.ts test/quota`.
 */
export function holds<Values extends [unknown, ...unknown[]]>(
  invariant: string,
  property: fc.IPropertyWithHooks<Values>,
  numRuns: number,
): void {
  const [only, path] = (process.env.SLUICE_PATH ?? '').split('/');
  if (only !== '' && only !== undefined && only !== invariant) return;
  // The mutation check asks only whether anything fails, and what did so first.
  const isHasty = process.env.SLUICE_FIRST_FAILURE === '1';
  if (isHasty && hasFailed) return;
  const replay = path === undefined ? { endOnFailure: isHasty } : { path, endOnFailure: true };
  const result = fc.check(property, { numRuns, ...replay });
  hasFailed ||= result.failed;
  if (!result.failed) return;
  const repeat = `SLUICE_SEED=${result.seed} SLUICE_PATH=${invariant}/${result.counterexamplePath}`;
  throw new Error(
    `${invariant} broken: ${String(result.errorInstance)}\n` +
      `after ${result.numRuns} runs and ${result.numShrinks} shrinks: ${JSON.stringify(result.counterexample)}\n` +
      `repeat: ${repeat} npx node test/run.ts test/quota`,
  );
}
