// test-time-limit: 1800s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scenarioFile } from '#scenarios/format/bundled.ts';
import { checkExpectations, checkReport, loadBundled, runBundled } from './golden-report.ts';

const bundled = suite('the longest bundled scenario');

bundled('million: its report, its expectations, and the contract', async () => {
  const file = scenarioFile('million');
  const result = await runBundled(loadBundled(file));
  checkReport(file, result);
  checkExpectations(result);
  assert.is(result.summary.origin.violations, 0);
});

bundled.run();
