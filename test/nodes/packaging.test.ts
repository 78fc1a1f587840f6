// test-time-limit: 60s
/** What a fleet's machines are set up with: units that systemd accepts, examples whose options there are. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('nodes/packaging');
const root = fileURLToPath(new URL('../..', import.meta.url));
const roles = ['control', 'relay', 'client'] as const;

test('every option of an example configuration is one of its command', () => {
  for (const role of roles) {
    const { stdout, status } = spawnSync(`${root}sluice`, [role, '--help'], { encoding: 'utf8' });
    assert.is(status, 0);
    const example = readFileSync(`${root}packaging/examples/${role}.conf`, 'utf8');
    const options = example.match(/--[\w-]+/g)!.filter((option) => option !== '--help');
    assert.ok(options.length > 1);
    for (const option of options) assert.ok(stdout.includes(`${option} `), `sluice ${role} knows ${option}`);
    const unit = readFileSync(`${root}packaging/systemd/sluice-${role}.service`, 'utf8');
    assert.match(unit, `EnvironmentFile=/etc/sluice/${role}.conf`);
    assert.match(unit, `sluice ${role} $OPTIONS`);
  }
});

test('systemd finds nothing wrong with the units', () => {
  const units = roles.map((role) => `${root}packaging/systemd/sluice-${role}.service`);
  const { status, stderr, error } = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
  if (error !== undefined) {
    console.log(`NOT CHECKED: systemd-analyze is not on this machine (${error.message})`);
    return;
  }
  assert.is(status, 0, stderr);
  // It warns of what it does not know and answers 0 all the same.
  const own = stderr.split('\n').filter((line) => line.includes('sluice-'));
  assert.equal(own, []);
});

test.run();
