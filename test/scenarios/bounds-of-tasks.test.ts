/** The lower bound of several tasks: what each could have had alone, put together. */
import { suite } from 'uvu';
import { equal, is } from 'uvu/assert';
import { type BoundInput, earliestFinish, lowerBound } from '#scenarios/format/bounds.ts';

const test = suite('bounds of tasks');

/** Clients that begin at 0, by their downlinks. */
function task(fileBytes: number, source: number, downlinks: number[], startSeconds = 0): BoundInput {
  return {
    fileBytes,
    arrivalSeconds: new Float64Array(downlinks.length),
    uplinkBytesPerSecond: new Float64Array(downlinks.length),
    downlinkBytesPerSecond: Float64Array.from(downlinks),
    peering: new Uint8Array(downlinks.length).fill(1),
    source: { uplinkBytesPerSecond: source },
    relays: [],
    startSeconds,
  };
}

test('the k-th of all is the k-th of those that each could have had alone', () => {
  const tasks = [task(10, 3, [1, 2, 5, 10]), task(60, 20, [4, 7, 9], 2)];
  const sorted = tasks
    .flatMap((each) => Array.from(each.arrivalSeconds, (_, index) => earliestFinish(each, index + 1)))
    .sort((a, b) => a - b);
  equal(lowerBound(tasks).at, { p50: sorted[3], p95: sorted[6], p99: sorted[6], max: sorted[6] });
  is(lowerBound(tasks, 2).at.max, sorted[1]);
});

test('one task beside one of nobody is that task', () => {
  const one = task(10, 3, [1, 2, 5, 10]);
  equal(lowerBound([one, task(60, 20, [])]).at, lowerBound([one]).at);
});

test.run();
