// Installs the dependencies from the lockfile, unless they are the ones that it names already.
// Plain JavaScript: it runs before anything is installed, on whatever Node the machine has.
// With `--stamp` it only notes what is installed; npm calls it so after every install.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampPath = `${root}node_modules/.sluice-lockfile`;
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

function isInstalled() {
  return existsSync(stampPath) && readFileSync(stampPath, 'utf8').trim() === wanted;
}

function stamp() {
  if (existsSync(`${root}node_modules`)) writeFileSync(stampPath, `${wanted}\n`);
}

function install() {
  process.stderr.write('sluice: installing the dependencies (npm ci) ...\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (npm.status === 0) return stamp();
  process.stderr.write(npm.error ? `${npm.error.message}\n` : npm.stdout + npm.stderr);
  process.stderr.write('sluice: npm ci failed, so nothing can run yet\n');
  process.exitCode = 1;
}

if (process.argv.includes('--stamp')) stamp();
else if (!isInstalled()) install();
