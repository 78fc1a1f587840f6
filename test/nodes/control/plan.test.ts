/** `sluice plan TASK`: a task of a running fleet, simulated as it was ordered. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import type { Plan } from '#sim/lab/plan.ts';
import { type Running, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/control/plan');

async function said(running: Running): Promise<string> {
  is(await running.ended, 0, running.stderr);
  return running.stdout.trim();
}

test('a task is planned with the clients, the contract and the policy that it has', async () => {
  await inDirectory(async (directory) => {
    writeFileSync(join(directory, 'a.bin'), content(3_000_000));
    await withProcesses(async (start) => {
      const [origin] = await start(['origin', directory, '--listen', '127.0.0.1:0']).prints(/http:\S+/);
      const data = join(directory, 'control');
      const server = start(['control', '--data', data, '--listen', '127.0.0.1:0', '--driver', 'node']);
      const [control] = await server.prints(/http:\/\/127\S+/);
      const token = readFileSync(join(data, 'operator.token'), 'utf8').trim();
      const environment = { SLUICE_CONTROL: control, SLUICE_TOKEN: token };
      const url = origin.replace(/\/$/, '');
      await said(start(['limit', 'main', '--url', url, '--bandwidth', '8Mbps'], environment));
      for (const name of ['one', 'two']) await said(start(['enrol', 'client', '--name', name], environment));
      const task = await said(start(['publish', `${url}/a.bin`], environment));
      const plan = JSON.parse(await said(start(['plan', task, '--seeds', '1', '--json'], environment))) as Plan;
      is(plan.scenario, task);
      is(plan.origin.contract.bytesPerSecond, 1_000_000);
      // Three megabytes under a contract of one a second.
      ok(plan.finishSeconds.simulated! > 2, `${plan.finishSeconds.simulated} s`);
      match(plan.notes.join('\n'), '2 of 2 nodes have not said what line they have');
      const late = start(['plan', task, '--seeds', '1', '--deadline', '1s'], environment);
      is(await late.ended, 4);
    });
  });
});

test.run();
