// test-time-limit: 1500s
/** The suite of pilots on real processes, held against the simulator: slow, and for a machine that is left alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { namespacesProblem } from '#sim/lab/pilot/network.ts';
import { otherClientProblem } from '#sim/lab/pilot/other-clients.ts';
import type { PilotResult } from '#sim/lab/pilot/pilot.ts';
import type { ValidationDocument } from '#sim/lab/pilot/pilot-command.ts';
import { absoluteErrors, median, orderedPairs } from '#sim/lab/pilot/validation.ts';
import { Running } from '../nodes/running.ts';
import { inDirectory } from '../nodes/temporary.ts';

const test = suite('pilot suite');
const problem = namespacesProblem();
const name = (what: string) => (problem === undefined ? what : `${what}, because ${problem}`);
const run = problem === undefined ? test : test.skip;

run(name('the simulator is as near to real runs as the documentation says'), async () => {
  await inDirectory(async (directory) => {
    const out = join(directory, 'validation.json');
    const given = ['pilot', 'scenarios/pilot/suite.yaml', '--against-sim', '--runs', '1', '--out', out];
    const pilot = new Running(given);
    is(await pilot.ended, 0, pilot.stderr);
    console.log(pilot.stdout);
    const { validations } = JSON.parse(readFileSync(out, 'utf8')) as ValidationDocument;
    const replays = validations.flatMap(({ measured }) => measured.map((result) => result.pilot.replays));
    is(replays.flatMap(({ different }) => different).join('\n'), '', 'every record replays identically');
    ok(replays.every(({ identical }) => identical > 0));
    ok(median(absoluteErrors(validations, 'p50(completion)'))! <= 0.1, 'the median');
    ok(median(absoluteErrors(validations, 'p95(completion)'))! <= 0.15, 'the tail');
    is(orderedPairs(validations).filter(({ isCertain, isRight }) => isCertain && !isRight).length, 0);
  });
});

run(name('our clients are no slower at plain BitTorrent than the fastest of the others'), async () => {
  const times = new Map<string, number>();
  await inDirectory(async (directory) => {
    for (const clients of ['sluice', 'aria2', 'transmission', 'libtorrent'] as const) {
      if (clients !== 'sluice' && otherClientProblem(clients) !== undefined) {
        console.log(`  ${clients} does not take part: ${otherClientProblem(clients)}`);
        continue;
      }
      const out = join(directory, `${clients}.json`);
      const scenario = 'scenarios/pilot/plain-bittorrent.yaml';
      const pilot = new Running(['pilot', scenario, '--clients-of', clients, '--out', out]);
      is(await pilot.ended, 0, pilot.stderr);
      const { summary } = JSON.parse(readFileSync(out, 'utf8')) as PilotResult;
      times.set(clients, summary.completionSeconds.max!);
      console.log(`  ${clients}: ${summary.completionSeconds.max} s, ${summary.bound.ratio.max} times the lower bound`);
    }
  });
  const own = times.get('sluice')!;
  times.delete('sluice');
  if (times.size > 0) ok(own <= 1.1 * Math.min(...times.values()), `${own} s`);
});

test.run();
