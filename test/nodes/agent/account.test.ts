/** Accounts only rise, whatever the wall clock and the disk do between two starts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { nextAccount } from '#nodes/agent/account.ts';
import { inDirectory } from '../temporary.ts';

const test = suite('nodes/agent/account');

test('a clock that was set back by years makes no lower number', () =>
  inDirectory(async (directory) => {
    const now = Date.parse('2026-11-22T10:00:00Z');
    is(nextAccount(directory, now), now);
    const [, second, third] = [0, nextAccount(directory, now - 1e11), nextAccount(directory, 0)];
    ok(second > now && third > second);
    is(nextAccount(directory, now + 1e10), now + 1e10, 'and a clock that is right again is gone by');
  }));

test('a number that was torn or is not ours is left', () =>
  inDirectory(async (directory) => {
    for (const text of ['', 'x', '-5', '1e300', '9007199254740991', '12.5']) {
      writeFileSync(join(directory, 'account'), text);
      is(nextAccount(directory, 5e9), 5e9, text);
      is(readFileSync(join(directory, 'account'), 'utf8'), '5000000000');
    }
  }));

test.run();
