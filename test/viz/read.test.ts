/** Files from anywhere end in a result or in words, never in anything else. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { datasetOf } from '#viz/data/dataset.ts';
import { ReadError, readContent } from '#viz/data/read.ts';
import type { TraceFile } from '#viz/data/trace-file.ts';
import { executeTiny } from '../lab/tiny-result.ts';
import { studyText } from './study-text.ts';

const reading = suite('reading');
const { result, trace } = executeTiny({}, true);
const runText = JSON.stringify(result);

function refused(text: string): string {
  try {
    readContent(text);
  } catch (error) {
    assert.instance(error, ReadError, `${text.slice(0, 80)}: ${(error as Error).stack}`);
    return (error as Error).message;
  }
  throw new Error(`was read: ${text.slice(0, 80)}`);
}

reading('a run, a comparison, a study and a trace are read', () => {
  const run = datasetOf(readContent(runText) as never);
  assert.is(run.kind, 'run');
  assert.is(run.column('p99(completion)').mean[0], result.summary.completionSeconds.p99);
  const comparison = { version: 1, kind: 'comparison', own: 'hybrid', baseline: 'hybrid', results: [result, result] };
  assert.is(datasetOf(readContent(JSON.stringify(comparison)) as never).seeds, 2);
  const study = datasetOf(readContent(studyText(20)) as never);
  assert.is(study.count, 21, 'the baseline is a point, too');
  assert.is(study.labels[study.baseline], 'baseline');
  const traced = readContent(trace!) as TraceFile;
  const { clients } = result.summary;
  assert.is(traced.clients.length, clients.total);
  assert.is(traced.finishedAt.filter((at) => at > 0).length, clients.completed);
});

reading('what is none of these is refused in words that say what is allowed', () => {
  assert.match(refused(''), /empty/);
  assert.match(refused('hello'), /not a result.*sluice run/);
  assert.match(refused('[1]'), /not a result/);
  assert.match(refused('{"a":1}'), /JSON, but not a result/);
  assert.match(refused('{"kind":"song","version":1}'), /a "song"/);
  assert.match(refused('{"kind":"run","version":1}'), /not whole: no manifest/);
  assert.match(refused(runText.replace('"version":1', '"version":2')), /version 2.*reads version 1.*newer sluice/);
  assert.match(refused('{"kind":"comparison","version":1,"results":[]}'), /empty/);
  assert.match(refused('{"kind":"study","version":1}'), /trials/);
  assert.match(refused('{"kind":"trace","version":1}'), /trace is not whole/);
});

reading('a file that was cut off says so, wherever it was cut', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: runText.length - 1 }), (length) => {
      assert.match(refused(runText.slice(0, length)), /ends too early|JSON is broken/);
    }),
    { numRuns: 200 },
  );
});

reading('whatever is put in place of a part, the answer is a dataset or words', () => {
  const paths = pathsOf(JSON.parse(runText), 3);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      const text = JSON.stringify(replaced(JSON.parse(runText), path, value));
      try {
        readContent(text);
      } catch (error) {
        assert.instance(error, ReadError);
      }
    }),
    { numRuns: 500 },
  );
});

reading('columns of a trace that differ in length, or go back in time, are refused', () => {
  const value = JSON.parse(trace!);
  value.columns.time.pop();
  assert.match(refused(JSON.stringify(value)), /differ in length/);
  const turned = JSON.parse(trace!);
  turned.columns.time.reverse();
  assert.match(refused(JSON.stringify(turned)), /goes back/);
});

function pathsOf(value: unknown, depth: number, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || depth === 0) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, depth - 1, [...path, key]))].slice(
    0,
    300,
  );
}

function replaced(value: Record<string, unknown>, path: string[], part: unknown): unknown {
  if (path.length === 0) return part;
  const [first, ...rest] = path as [string, ...string[]];
  return { ...value, [first]: replaced(value[first] as Record<string, unknown>, rest, part) };
}

reading.run();
