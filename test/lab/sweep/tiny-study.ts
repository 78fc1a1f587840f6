/** A study of the tests' small scenario: a simulation takes some hundredths of a second. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Ended, launcher, sluice, tiny, written } from '../sluice-process.ts';

export const tinyStudy = `
version: 1
name: tiny-study
scenario: tiny.yaml
space:
  policy.fallback.threshold: [128KiB/s, 512KiB/s, 2MiB/s]
  relays.relay.uplink: { from: 50Mbps, to: 400Mbps, scale: log }
sampler: { kind: sobol, trials: 6 }
replications: 4
objectives: [minimize p95(completion), minimize cost.total]
constraints: [origin.violations == 0]
expect: [p95(completion) < 15m]
`;

/** Writes scenario and study; answers the study's path. */
export function writtenStudy(directory: string, text = tinyStudy, scenario = tiny): string {
  written(directory, 'tiny.yaml', scenario);
  return written(directory, 'study.yaml', text);
}

/** With a store inside the directory. */
export function sweep(directory: string, ...given: string[]): Ended {
  return sluice(['sweep', ...given], {}, directory);
}

/** Starts a command that goes on by itself. */
export function started(directory: string, given: string[]) {
  const child = spawn(launcher, given, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...said })));
  return { child, said, ended };
}

export const storeOf = (directory: string): string => join(directory, 'results/sweeps.sqlite');
