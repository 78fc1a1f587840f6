import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { EventQueue } from '#sim/event-queue.ts';

const test = suite('sim/event-queue');

interface Entry {
  time: number;
  payload: number;
  sequence: number;
}

/** The same queue: a list that is sorted at every look. */
class NaiveQueue {
  readonly horizon: number;
  entries: Entry[] = [];
  now = 0;

  constructor(horizon: number) {
    this.horizon = horizon;
  }

  push(entry: Entry): void {
    if (entry.time <= this.horizon) this.entries.push(entry);
  }

  peek(): number {
    return this.entries.length === 0 ? Infinity : this.first().time;
  }

  pop(): Entry | undefined {
    if (this.entries.length === 0) return undefined;
    const entry = this.first();
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.now = entry.time;
    return entry;
  }

  private first(): Entry {
    return this.entries.toSorted((a, b) => a.time - b.time || a.sequence - b.sequence)[0];
  }
}

type Step = { kind: 'push'; after: number; payload: number } | { kind: 'pop' | 'peek' };

const second = 1_000_000;
const hour = 3600 * second;
// At once, within a bucket, within a block, blocks later, and past many.
const delays = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 70 * second }),
  fc.integer({ min: 0, max: 3 * hour }),
  // The edges of buckets and blocks.
  fc.constantFrom(999, 1000, 1001, 65_535_999, 65_536_000, 65_536_001, 131_072_000),
);
const payloads = fc.oneof(fc.nat(9), fc.nat(2 ** 32 - 1));
const push = fc.record({ kind: fc.constant('push' as const), after: delays, payload: payloads });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: push },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pop' as const) }) },
    fc.record({ kind: fc.constant('peek' as const) }),
  ),
  { maxLength: 200 },
);

function popBoth(queue: EventQueue, naive: NaiveQueue): boolean {
  const expected = naive.pop();
  is(queue.pop(), expected !== undefined);
  if (expected === undefined) return false;
  equal({ time: queue.time, payload: queue.payload, sequence: queue.sequence }, expected);
  return true;
}

function follow(list: Step[], horizon: number, chunksExpected?: number): void {
  const queue = new EventQueue(horizon, chunksExpected);
  const naive = new NaiveQueue(horizon);
  for (const step of list) {
    if (step.kind === 'push') {
      const time = naive.now + step.after;
      const sequence = queue.push(time, step.payload);
      naive.push({ time, payload: step.payload, sequence });
    } else if (step.kind === 'pop') popBoth(queue, naive);
    else is(queue.peek(), naive.peek());
    is(queue.count, naive.entries.length);
  }
  while (popBoth(queue, naive));
  is(queue.peek(), Infinity);
  is(queue.count, 0);
}

test('events come out by (time, sequence), whatever is pushed, popped and peeked between', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(10 * hour, 70 * second, 65_536_000, 65_535_999, 5), (list, horizon) =>
      follow(list, horizon),
    ),
    { numRuns: 600 },
  );
});

test('grows beyond what was expected', () => {
  fc.assert(
    fc.property(fc.array(push, { minLength: 300, maxLength: 600 }), (list) => follow(list, 10 * hour, 1)),
    { numRuns: 20 },
  );
});

test('equal times are first-in first-out, also when pushed while they are popped', () => {
  const queue = new EventQueue(hour);
  for (let k = 0; k < 40; k++) queue.push(7, k);
  const order: number[] = [];
  for (let popped = 0; queue.pop(); popped++) {
    order.push(queue.payload);
    if (popped < 10) queue.push(7, 40 + popped);
  }
  equal(order, [...Array(50).keys()]);
});

test('a peek far ahead does not keep an earlier event from coming first', () => {
  const queue = new EventQueue(10 * hour);
  queue.push(5 * hour, 2);
  is(queue.peek(), 5 * hour);
  queue.push(3 * hour, 1);
  queue.push(second, 0);
  is(queue.peek(), second);
  equal(
    [0, 1, 2].map(() => queue.pop() && queue.payload),
    [0, 1, 2],
  );
});

test('what lies after the horizon never happens; what lies on it does', () => {
  const queue = new EventQueue(hour);
  ok(queue.push(hour + 1, 1) < queue.push(hour, 2));
  queue.push(Infinity, 3);
  is(queue.count, 1);
  ok(queue.pop());
  is(queue.payload, 2);
  is(queue.pop(), false);
});

test('no event in the past; popped events are counted', () => {
  const queue = new EventQueue(hour);
  queue.push(100, 1);
  queue.pop();
  queue.push(100, 2);
  throws(() => queue.push(99, 3), /past/);
  queue.pop();
  is(queue.poppedCount, 2);
});

test.run();
