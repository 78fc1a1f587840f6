/** Records of decisions: bounded, each segment runs again by itself, and what is no record is refused. */
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { ClientCore } from '#core/client.ts';
import { hybrid } from '#core/policies.ts';
import { DecisionLog, recorded } from '#nodes/record/decision-log.ts';
import { replay } from '#nodes/record/replay.ts';
import { inDirectory } from '../temporary.ts';

const test = suite('nodes/record');

/** Drives a recorded core through a download from four neighbours and HTTP; the record is at `path`. */
function record(path: string, segmentBytesMax: number): void {
  const unlimited = { ...hybrid, fallback: { ...hybrid.fallback, stallPeriod: Infinity } };
  const core = new ClientCore({
    seed: 3,
    file: { sizeBytes: 4_000_000, pieceLengthBytes: 1000 },
    policy: unlimited,
    neighboursMax: 4,
    sourcesMax: 2,
    priorityPieces: [[7, 9]],
  });
  const log = new DecisionLog(path, core, segmentBytesMax);
  const watched = recorded(core, log);
  watched.start([0, 1]);
  watched.assign(0, 0, false, 1e6, 20);
  watched.situate({ fileBytes: 4_000_000, network: 'wired', clients: 9, cohortFirstQuartile: 0, cohortSize: 0 });
  for (let row = 1; row <= 4; row++) {
    watched.join(row);
    if (row === 1) watched.heardAll(row);
  }
  for (let step = 1; step < 3900; step++) {
    watched.heard(2 + (step % 3), [step]);
    const asked = watched.ask(1 + (step % 4));
    if (asked?.kind === 'request') {
      if (step % 7 === 0) watched.brokenOff(asked.piece, 300);
      else watched.arrived(asked.piece, 1000);
    }
    if (step % 50 === 0) watched.look(step / 50, step * 900, step * 1000);
    if (step % 90 === 0) {
      watched.choose(step, false, 8000);
      const range = watched.takeRange(2);
      if (range?.kind === 'range') watched.arrived(range.firstPiece, 1000);
      watched.failed(0, step, 0);
      watched.unchoke(false, [1, 2, 3], [step, 5, 0]);
    }
  }
  log.close();
}

test('a record runs again identically; its parts are bounded and run by themselves', async () => {
  await inDirectory(async (directory) => {
    const whole = join(directory, 'whole');
    record(whole, Infinity);
    const all = await replay(whole);
    is(all.difference, undefined, JSON.stringify(all.difference));
    ok(all.inputs > 8000 && all.decisions > 3000, JSON.stringify(all));
    const parts = join(directory, 'parts');
    record(parts, 200_000);
    for (const part of [parts, `${parts}.1`]) {
      ok(existsSync(part));
      ok(statSync(part).size < 1_500_000, `${statSync(part).size}`);
      match(readFileSync(part, 'utf8').split('\n')[0]!, /"snapshot":\[/);
      const again = await replay(part);
      is(again.difference, undefined, JSON.stringify(again.difference));
      ok(again.inputs > 100, JSON.stringify(again));
    }
  });
});

test('another answer, another policy, a torn end', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'record');
    record(path, Infinity);
    const lines = readFileSync(path, 'utf8').split('\n');
    const refusal = (text: string) => {
      writeFileSync(path, text);
      return replay(path).then(
        ({ difference }) => (difference === undefined ? 'identical' : `line ${difference.line}`),
        (error: Error) => error.message,
      );
    };
    const changed = [...lines];
    changed[20] = changed[20]!.replace('"input"', '"in"');
    match(await refusal(changed.join('\n')), /is not an input/);
    match(await refusal(lines.join('\n').replace('"hold":30000', '"hold":31000')), /not the one that it names/);
    match(await refusal('hello'), /not a record/);
    match(await refusal(''), /no record/);
    writeFileSync(path, lines.join('\n'));
    appendFileSync(path, '{"at":5,"input":["ask",');
    is((await replay(path)).difference, undefined, 'a node that was killed leaves half a line');
    const order = [...lines];
    const asks = lines.flatMap((line, index) => (line.includes('"request"') ? [index] : []));
    [order[asks[3]!], order[asks[4]!]] = [lines[asks[4]!]!, lines[asks[3]!]!];
    match(await refusal(order.join('\n')), /^line \d+$/);
  });
});

test.run();
