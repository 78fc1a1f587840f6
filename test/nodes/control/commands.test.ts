// test-time-limit: 120s
/** The commands against a real control server: what they print, and the exit codes that scripts build on. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launcher } from '../../lab/sluice-process.ts';
import { ControlWorld, CountingOrigin, freePort, inWorld, TestNode, until } from './control-world.ts';

const commands = suite('control: commands');
const sizeBytes = 10_000_000;

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Not synchronously: the origin answers from this process. */
function run(world: ControlWorld, given: string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { ...process.env, SLUICE_CONTROL: world.url, SLUICE_TOKEN: world.token, ...environment };
  const child = spawn(launcher, given, { env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr })));
}

async function ok(world: ControlWorld, ...given: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(world, given);
  assert.is(code, 0, `${given.join(' ')}: ${stderr}`);
  return stdout;
}

commands('an operator’s day', async () => {
  const origin = new CountingOrigin(sizeBytes);
  const url = await origin.listen();
  await inWorld(async (world) => {
    await ok(
      world,
      'limit',
      'main',
      '--url',
      url,
      '--connections',
      '4',
      '--bandwidth',
      '80Mbps',
      '--traffic',
      '1h=1GB',
    );
    await ok(world, 'limit', 'main', '--bandwidth', '160Mbps');
    const [main] = (await world.ask('GET', '/api/origins')).body;
    const kept = { connections: 4, bandwidth: '160Mbps', traffic: { '1h': '1GB' }, burst: '20MB' };
    assert.equal(main.contract, kept, 'what is not named stays; the burst follows the bandwidth');
    const file = join(world.directory, 'c1.token');
    await ok(world, 'enrol', 'client', '--name', 'c1', '--group', 'office', '--out', file);
    assert.is(statSync(file).mode & 0o777, 0o600);
    const client = new TestNode(world.url, 'client', 'c1', readFileSync(file, 'utf8').trim());
    const set = ['--set', 'distribution.speedMax=1MB/s', '--set', 'policy.fallback.threshold=2MB/s'];
    const task = (await ok(world, 'publish', `${url}/file.bin`, '--group', 'office', '--key', 'k', ...set)).trim();
    assert.match(task, /^task-[0-9a-f]{16}$/);
    assert.is(
      (await ok(world, 'publish', `${url}/file.bin`, '--key', 'k')).trim(),
      task,
      'the same key, the same task',
    );
    await until('the client is told', () => client.assignments.has(task));
    assert.is(client.assignments.get(task)!.limits.receiveBytesPerSecondMax, 1_000_000);
    await ok(world, 'limit', task, '--set', 'distribution.speedMax=2MB/s');
    await ok(world, 'pause', task);
    assert.match(await ok(world, 'status', task), /file\.bin {2}10 MB {2}paused/);
    await ok(world, 'resume', task);
    await ok(world, 'pause', 'main');
    assert.match(await ok(world, 'status'), /origin main \(paused\) {2}0 of 4 connections/);
    await ok(world, 'resume', 'main');
    const watched = ok(world, 'status', task, '--watch');
    client.report(task, {
      state: 'complete',
      verifiedBytes: sizeBytes,
      received: { origin: 0, relay: 9e6, peer: 1e6 },
    });
    assert.match(
      await watched,
      /complete {2}100\.0 %.*1 of 1 done, 0 failed {2}origin 0 B, relays 9 MB, peers 1 MB\n$/s,
    );
    const report = JSON.parse(await ok(world, 'status', task, '--json'));
    const other = (
      await ok(world, 'publish', `${url}/file.bin`, '--client', 'c1', '--set', 'distribution.retries=0')
    ).trim();
    await until('the client is told', () => client.assignments.has(other));
    client.report(other, { state: 'failed', error: 'no space' });
    const failed = await run(world, ['status', other, '--watch']);
    assert.is(failed.code, 1);
    assert.match(failed.stdout, /0 of 1 done, 1 failed/);
    await ok(world, 'cancel', other);
    assert.equal(report.share, { origin: 0, relay: 0.9, peer: 0.1 });
    client.link.close();
  });
  origin.close();
});

commands('a machine exchanges its fleet’s token for its own', () =>
  inWorld(async (world) => {
    const fleet = join(world.directory, 'fleet.token');
    await ok(world, 'enrol', 'client', '--fleet', '--name', 'lab', '--group', 'lab', '--uses', '1', '--out', fleet);
    const own = (await ok(world, 'enrol', 'client', '--with', fleet, '--name', 'pc-1')).trim();
    const machine = new TestNode(world.url, 'client', 'pc-1', own);
    await until('the machine of the fleet is welcomed', () => machine.link.isOpen);
    machine.link.close();
    const usedUp = await run(world, ['enrol', 'client', '--with', fleet, '--name', 'pc-2']);
    assert.is(usedUp.code, 1, usedUp.stderr);
  }),
);

commands('exit codes: 2 usage, 3 what cannot be used, 6 no control', () =>
  inWorld(async (world) => {
    const cases: [given: string[], code: number, says: RegExp][] = [
      [['status', '--control', 'nonsense'], 2, /takes a URL/],
      [['status', '--token-file', '/nowhere'], 2, /ENOENT/],
      [['enrol', 'king', '--name', 'x'], 2, /relay, client, operator, viewer/],
      [['enrol', 'operator', '--with', 'x', '--name', 'y'], 2, /--with gives a relay or a client/],
      [['limit', 'main'], 2, /nothing to change/],
      [['limit', 'task-0123456789abcdef', '--bandwidth', '1Mbps'], 2, /a task has no contract/],
      [['cancel', 'main'], 2, /is not a task/],
      [['publish', 'http://127.0.0.1:1/x'], 3, /belongs to no origin/],
      [['limit', 'main', '--url', 'http://x', '--bandwidth', 'fast'], 3, /contract\.bandwidth: "fast" is not a rate/],
      [['pause', 'task-0123456789abcdef'], 1, /there is no task/],
      [['status', '--control', `http://127.0.0.1:${await freePort()}`], 6, /cannot be reached: ECONNREFUSED/],
    ];
    for (const [given, code, says] of cases) {
      const ended = await run(world, given);
      assert.is(ended.code, code, `${given.join(' ')}: ${ended.stderr}`);
      assert.match(ended.stderr, says);
      assert.is(ended.stdout, '');
    }
    const { code, stderr } = await run(world, ['status'], { SLUICE_TOKEN: 'sluice_not-a-valid-token' });
    assert.is(code, 1);
    assert.match(stderr, /the token is not valid/);
  }),
);

commands('TLS: commands and nodes by the certificate that they trust, and not without', async () => {
  const world = new ControlWorld(await freePort(), []);
  const [key, certificate] = [join(world.directory, 'key.pem'), join(world.directory, 'certificate.pem')];
  const openssl = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  assert.is(openssl.status, 0, String(openssl.stderr ?? openssl.error));
  const secure = new ControlWorld(world.port, ['--tls-key', key, '--tls-certificate', certificate]);
  try {
    await secure.start();
    const control = secure.url.replace('http:', 'https:');
    const trusting = await run(secure, [
      'enrol',
      'client',
      '--name',
      'c1',
      '--control',
      control,
      '--authority',
      certificate,
    ]);
    assert.is(trusting.code, 0, trusting.stderr);
    const doubting = await run(secure, ['status', '--control', control]);
    assert.is(doubting.code, 6);
    assert.match(doubting.stderr, /SELF_SIGNED|self.signed/i);
    const authority = readFileSync(certificate, 'utf8');
    for (const polling of ['never', 'always'] as const) {
      const node = new TestNode(control, 'client', 'c1', trusting.stdout.trim(), { authority, polling });
      await until(`welcomed over TLS (polling ${polling})`, () => node.link.isOpen);
      node.link.close();
    }
    const wrong = join(world.directory, 'wrong.pem');
    writeFileSync(wrong, 'not a certificate');
    const refused = spawnSync(launcher, ['control', '--data', world.directory, '--tls-key', wrong], {
      encoding: 'utf8',
    });
    assert.is(refused.status, 2);
  } finally {
    secure.end();
    world.end();
  }
});

commands.run();
