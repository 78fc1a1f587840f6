// test-time-limit: 600s
/** `sluice demo` ends with something to look at: in a pipe, a report file. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sluice } from '../lab/sluice-process.ts';
import { assertReport } from './assert-report.ts';
import { inDirectory } from './files.ts';

const demo = suite('demo');

demo('the quick demo writes its report and says where', () =>
  inDirectory(async (directory) => {
    const { code, stderr } = sluice(['demo', '--quick'], { CI: '1' }, directory);
    assert.ok(code === 0 || code === 4, stderr);
    assert.match(stderr, /results\/demo\.html: .* opens in any browser/);
    await assertReport(join(directory, 'results/demo.html'), 8);
  }),
);

demo.run();
