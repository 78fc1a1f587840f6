/** `./sluice` as a process, and the small scenario that the tests of the lab run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const launcher = fileURLToPath(new URL('../../sluice', import.meta.url));

/** Few clients, some of them without peers, under a contract that a crowd would break. */
export const tiny = `
version: 1
name: tiny
seed: 7
horizon: 30m
file: { size: 64MiB, pieceLength: 1MiB }
origin: { uplink: 1Gbps, contract: { connections: 8, bandwidth: 100Mbps, burst: 4MiB, traffic: { 1h: 1GB } } }
relays: [{ name: relay, count: 1, uplink: 1Gbps }]
clients:
  - { name: office, count: 16, uplink: 50Mbps, downlink: 100Mbps, arrive: { over: 20s } }
  - { name: mobile, count: 4, uplink: 5Mbps, downlink: 20Mbps, peerToPeer: blocked }
prices: { origin: 0.08/GB, relay: 0.02/GB }
policy: hybrid
`;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function sluice(given: string[], environment: NodeJS.ProcessEnv = {}, cwd = tmpdir()): Ended {
  const { status, stdout, stderr } = spawnSync(launcher, given, {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, ...environment },
    maxBuffer: 100_000_000,
  });
  return { code: status, stdout, stderr };
}

export async function inDirectory(work: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-lab-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Writes the scenario; the answer is its path. */
export function written(directory: string, name: string, text: string | Uint8Array = tiny): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}
