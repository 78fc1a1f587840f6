/** Which sources and which machine a result comes from. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '#scenarios/format/canonical.ts';
import type { Manifest } from '#scenarios/format/result.ts';

export type Provenance = Pick<Manifest, 'engineHash' | 'git' | 'sluice' | 'node'>;

const root = fileURLToPath(new URL('../..', import.meta.url));

export function provenance(): Provenance {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return { engineHash: engineHash(), git: gitState(), sluice: version, node: process.versions.node };
}

/** Of what decides a run: core and simulator. Neither where the files lie nor what they are called goes in. */
export function engineHash(directory = root): string {
  const sources = [...sourcesIn(join(directory, 'core')), ...sourcesIn(join(directory, 'sim'), 'lab')];
  const hashes = sources.map((file) => sha256(readFileSync(file)));
  return sha256(hashes.sort().join('\n'));
}

function sourcesIn(directory: string, except = ''): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === except ? [] : sourcesIn(path);
    return /\.(ts|js)$/.test(entry.name) ? [path] : [];
  });
}

/** Without git, or outside a checkout of our own: no commit. */
function gitState(): Manifest['git'] {
  const absent = { commit: '', dirty: false };
  const top = git('rev-parse', '--show-toplevel');
  if (top === undefined || top === '' || realpathSync(top) !== realpathSync(root)) return absent;
  const commit = git('rev-parse', '--verify', '--quiet', 'HEAD');
  return { commit: commit ?? '', dirty: git('status', '--porcelain') !== '' };
}

function git(...given: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', given, { cwd: root, encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout.trim() : undefined;
}
