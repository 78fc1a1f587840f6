// test-time-limit: 120s
/** The way of a policy: a sweep recommends it and writes it, publish orders it, a node reads the same policy. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePolicyFile } from '#scenarios/format/policy-file.ts';
import { readPolicy } from '#scenarios/format/policy-text.ts';
import { policies } from '#sim/policies/catalogue.ts';
import { launcher } from '../../lab/sluice-process.ts';
import { sweep, writtenStudy } from '../../lab/sweep/tiny-study.ts';
import { CountingOrigin, inWorld, TestNode, until } from './control-world.ts';

const test = suite('control: policy file');

test('what a sweep recommends is what a node runs', async () => {
  const origin = new CountingOrigin(1_000_000);
  const url = await origin.listen();
  await inWorld(async (world) => {
    writtenStudy(world.directory);
    const swept = sweep(
      world.directory,
      'study.yaml',
      '--trials',
      '3',
      '--replications',
      '2',
      '--apply',
      'policy.yaml',
    );
    assert.is(swept.code, 0, swept.stderr);
    const file = join(world.directory, 'policy.yaml');
    const text = readFileSync(file, 'utf8');
    const recommended = parsePolicyFile(text, file, policies);
    const contract = { connections: 4, bandwidth: '80Mbps', burst: '1MB' };
    await world.ask('PUT', '/api/origins/main', { url, contract });
    const publish = (...given: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
      const env = { ...process.env, SLUICE_CONTROL: world.url, SLUICE_TOKEN: world.token };
      const child = spawn(launcher, ['publish', `${url}/file.bin`, ...given], { env, cwd: world.directory });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
      child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
      return new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr })));
    };
    const node = new TestNode(world.url, 'client', 'c1', await world.enrol('client', 'c1'));
    const published = await publish('--policy-file', 'policy.yaml');
    assert.is(published.code, 0, published.stderr);
    await until('the client is told', () => node.assignments.has(published.stdout.trim()));
    const told = node.assignments.get(published.stdout.trim())!;
    assert.equal(readPolicy(told.policy, policies, []), recommended, 'knob by knob');
    const changed = await publish('--policy-file', 'policy.yaml', '--set', 'policy.fallback.threshold=3MB/s');
    await until('the client is told', () => node.assignments.has(changed.stdout.trim()));
    const { fallback } = readPolicy(node.assignments.get(changed.stdout.trim())!.policy, policies, []);
    assert.is(fallback.threshold, 3_000_000, '--set comes on top');
    const cases: [text: string, says: RegExp][] = [
      ['extends: p2p\n', /policy\.yaml:1:\d+: extends: .*"p2p".*hybrid/],
      [text.replace('threshold:', 'treshold:'), /policy\.yaml:\d+:\d+: .*treshold/],
      ['[]', /is not a policy/],
      ['', /policy.yaml/],
    ];
    for (const [wrong, says] of cases) {
      writeFileSync(file, wrong);
      const refused = await publish('--policy-file', 'policy.yaml');
      assert.is(refused.code, 3, refused.stderr);
      assert.match(refused.stderr, says);
    }
    assert.is((await publish('--policy-file', 'nowhere.yaml')).code, 3);
    node.link.close();
  });
  origin.close();
});

test.run();
