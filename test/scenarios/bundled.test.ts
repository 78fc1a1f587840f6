// test-time-limit: 120s
/** The scenarios that come with sluice: each is valid, gives what is written beside it, and keeps its promises. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundledScenarios } from '#scenarios/format/bundled.ts';
import { checkExpectations, checkReport, loadBundled, reportFileOf, runBundled } from './golden-report.ts';

const bundled = suite('bundled scenarios');

/** Too long for every day: in `bundled.long.ts`. */
const long = ['million'];

for (const { name, file } of bundledScenarios()) {
  bundled(`${name}: valid, the same from its canonical form, and says what it teaches`, () => {
    const { scenario } = loadBundled(file);
    assert.is(scenario.name, name);
    assert.ok(scenario.description.length > 20);
  });

  if (long.includes(name)) continue;
  bundled(`${name}: its report and its expectations; hybrid keeps the origin's contract`, async () => {
    const loaded = loadBundled(file);
    const result = await runBundled(loaded);
    checkReport(file, result);
    checkExpectations(result);
    const isHybrid = loaded.scenario.policy.name === 'hybrid';
    const { summary } = isHybrid ? result : await runBundled(loadBundled(file, 'hybrid'));
    assert.is(summary.origin.violations, 0);
    assert.is(summary.clients.unfinished, 0);
  });
}

bundled('every report belongs to a scenario', () => {
  const files = bundledScenarios().map(({ file }) => file);
  const directory = dirname(files[0]!);
  const reports = readdirSync(directory).filter((name) => name.endsWith('.report.txt'));
  const expected = files.map(reportFileOf);
  for (const report of reports) assert.ok(expected.includes(join(directory, report)), `${report} has no scenario`);
});

bundled.run();
