/**
 * What a test file gets when it imports `uvu`: the same, but it counts what is declared and what passes,
 * and notes what uvu would swallow.
 */
import { type Callback, type Context, type Test, suite as uvuSuite, test as uvuTest } from 'uvu';

interface Part {
  name: string;
  /** Tests declared since the last `.run()`, skipped ones included. */
  waiting: number;
  /** How many tests each `.run()` took. */
  runs: number[];
}

const parts: Part[] = [];

export const watch = {
  declared: 0,
  passed: 0,
  skipped: [] as string[],
  problems: [] as string[],
  onTest: (_name: string): void => {},

  /** What is wrong before anything has run. */
  problemsOfDeclaration(): string[] {
    const used = parts.filter((part) => part.waiting > 0 || part.runs.length > 0);
    if (used.length === 0) return ['has no suite: nothing was declared'];
    return used.flatMap(({ name, waiting, runs }) => [
      ...(waiting > 0 ? [`${name} declares ${waiting} tests and is never started: call .run()`] : []),
      ...(runs.includes(0) ? [`${name} has no test`] : []),
    ]);
  },
};

function note(problem: string, error: unknown): void {
  watch.problems.push(`${problem}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}

function watched<T extends Context>(inner: Test<T>, name: string): Test<T> {
  const part: Part = { name: name === '' ? 'the file' : `suite "${name}"`, waiting: 0, runs: [] };
  parts.push(part);

  const declare = (title: string, handler: Callback<T>): Callback<T> => {
    watch.declared++;
    part.waiting++;
    return async (context) => {
      watch.onTest(title);
      try {
        await handler(context);
      } catch (error) {
        // uvu loses every test of a suite in which something other than an Error is thrown.
        throw error instanceof Error ? error : new Error(`threw ${String(error)}`);
      }
      watch.passed++;
    };
  };
  /** uvu swallows what these throw, so it is noted here. */
  const hook = (kind: string, endsSuite: boolean, handler: Callback<T>): Callback<T> => {
    return async (context) => {
      try {
        await handler(context);
      } catch (error) {
        note(`${kind} of ${part.name} threw`, error);
        if (endsSuite) throw error;
      }
    };
  };

  const outer = (title: string, handler: Callback<T>) => inner(title, declare(title, handler));
  const before = (handler: Callback<T>) => inner.before(hook('before', true, handler));
  const after = (handler: Callback<T>) => inner.after(hook('after', false, handler));
  const afterEach = (handler: Callback<T>) => inner.after.each(hook('after.each', false, handler));
  return Object.assign(outer, {
    before: Object.assign(before, { each: inner.before.each }),
    after: Object.assign(after, { each: afterEach }),
    only(title: string, handler: Callback<T>) {
      watch.problems.push(`leftover .only at "${title}"`);
      inner.only(title, declare(title, handler));
    },
    skip(title = '') {
      part.waiting++;
      if (/\bbecause\b/.test(title)) watch.skipped.push(title);
      else watch.problems.push(`skipped without a reason: "${title}" (say "…, because …" in the name)`);
      inner.skip();
    },
    run() {
      part.runs.push(part.waiting);
      part.waiting = 0;
      inner.run();
    },
  });
}

export function suite<T extends Context = Context>(name = '', context?: T): Test<T> {
  return watched(uvuSuite<T>(name, context), name);
}

export const test = watched(uvuTest, '');
