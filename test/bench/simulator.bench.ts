// test-time-limit: 3600s
/**
 * What a simulated piece transfer costs, at several sizes, each in a process of its own: a second simulation in one
 * process is slower. SLUICE_BENCH_CLIENTS_MAX says which sizes run: 1,000,000 by default; 10000 for a quick look,
 * 5000000 for the largest.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changes } from './bundled-scenario.ts';
import type { Measured } from './one-simulation.ts';

interface Size extends Changes {
  what: string;
  clients: number;
}

const sizes: Size[] = [
  { what: 'scale, 64 pieces', clients: 10_000 },
  { what: 'standard, 256 pieces', clients: 10_000, fidelity: 'standard', set: ['file.pieceLength=1MiB'] },
  { what: 'scale, 64 pieces', clients: 100_000 },
  { what: 'standard, 64 pieces', clients: 100_000, fidelity: 'standard' },
  { what: 'scale, 64 pieces', clients: 1_000_000 },
  { what: 'scale, 64 pieces', clients: 5_000_000 },
];
const clientsMax = Number(process.env.SLUICE_BENCH_CLIENTS_MAX ?? 1_000_000);
/** The minimum of so many runs: noise only ever adds. */
const runCount = (clients: number): number => (clients < 1_000_000 ? 3 : 1);

/** Other simulators of BitTorrent, measured on one core of such a machine: piece transfers per CPU second. */
const references = [
  'SimGrid 3.32, its BitTorrent example: 160 to 980 (3,000 to 100 peers)',
  'PeerSim 1.0.5, its BitTorrent module: 550 to 1,400 (3,000 to 100 peers)',
  "Kraken's own simulator: 18,900",
];

const script = fileURLToPath(new URL('one-simulation.ts', import.meta.url));
const bench = suite('simulator');

function measure({ what: _, ...changes }: Size): Measured {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, 'million', JSON.stringify(changes)],
    // As the launcher does.
    { encoding: 'utf8', env: { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1', ...process.env } },
  );
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

for (const size of sizes.filter(({ clients }) => clients <= clientsMax)) {
  bench(`${size.clients} clients, ${size.what}`, () => {
    const runs = Array.from({ length: runCount(size.clients) }, () => measure(size));
    for (const { completed, clients } of runs) assert.is(completed, clients);
    console.log(textOf(size, runs));
  });
}

bench('beside other simulators', () => {
  console.log(`piece transfers per CPU second elsewhere:\n  ${references.join('\n  ')}`);
});

function textOf({ what, clients }: Size, runs: Measured[]): string {
  const best = runs.toSorted((left, right) => left.cpuSeconds - right.cpuSeconds)[0]!;
  const nanoseconds = perTransfer(best);
  const events = best.events / best.transfers;
  const ratio = Math.min(...runs.map((run) => perTransfer(run) / run.calibrationNanoseconds));
  const calibration = Math.min(...runs.map(({ calibrationNanoseconds }) => calibrationNanoseconds));
  const count = (value: number): string => Math.round(value).toLocaleString('en');
  return [
    `${count(clients)} clients, ${what} (least of ${runs.length})`,
    `  ${best.cpuSeconds.toFixed(2)} s of CPU, ${count(nanoseconds)} ns per piece transfer, ` +
      `${count(best.transfers / best.cpuSeconds)} transfers per CPU second`,
    `  ${count(best.tableBytesPerClient)} bytes per client in tables, ` +
      `${count(best.processBytesPerClient)} in the process; ${events.toFixed(2)} events per transfer`,
    `  calibration ${calibration.toFixed(2)} ns per random increment; a transfer costs ${count(ratio)} of them`,
  ].join('\n');
}

function perTransfer({ cpuSeconds, transfers }: Measured): number {
  return (cpuSeconds / transfers) * 1e9;
}

bench.run();
