// test-time-limit: 300s
/** How far the fidelities are apart at sizes that all can run: prints the table of docs/model.md. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatSeconds } from '#scenarios/format/units.ts';
import { simulate } from '#sim/simulate.ts';
import { bundledScenario, type Changes } from './bundled-scenario.ts';

const cases: { name: string; clients: number }[] = [
  { name: 'smoke', clients: 50 },
  { name: 'flash-crowd', clients: 200 },
  { name: 'slow-origin', clients: 100 },
  { name: 'peer-to-peer-blocked', clients: 200 },
  { name: 'million', clients: 500 },
];
const fidelities = ['reference', 'standard', 'scale'] as const;
const seeds = [1, 2, 3];

interface Seen {
  p50: number | null;
  p99: number | null;
  peers: number;
}

const bench = suite('fidelity');

bench('the same small scenarios at each fidelity', () => {
  const rows = cases.flatMap(({ name, clients }) =>
    ['hybrid', 'p2p-cdn'].map((policy) =>
      rowOf(`${name}, ${clients}`, policy, (fidelity, seed) => seen(name, { clients, policy, fidelity, seed })),
    ),
  );
  console.log(
    [
      `Means over seeds ${seeds.join(', ')}; "—": somebody does not finish.`,
      '| scenario, clients | policy | p50 | standard | scale | p99 | standard | scale | share of peers |',
      '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
      ...rows,
    ].join('\n'),
  );
});

function seen(name: string, changes: Changes): Seen {
  const { summary } = simulate(bundledScenario(name, changes));
  assert.is(changes.policy === 'hybrid' ? summary.origin.violations : 0, 0);
  const { p50, p99 } = summary.completionSeconds;
  return { p50, p99, peers: summary.share.peer };
}

function rowOf(
  scenario: string,
  policy: string,
  run: (fidelity: (typeof fidelities)[number], seed: number) => Seen,
): string {
  const means = fidelities.map((fidelity) => meanOf(seeds.map((seed) => run(fidelity, seed))));
  const [reference] = means;
  const times = (quantile: 'p50' | 'p99') =>
    means.map((mean, index) => {
      const value = mean[quantile];
      const yardstick = reference![quantile];
      if (value === null) return '—';
      return index === 0 || yardstick === null ? formatSeconds(value) : signedPercent(value / yardstick - 1);
    });
  const peers = means.map((mean) => (mean.peers * 100).toFixed(0)).join(' / ');
  return `| ${[scenario, policy, ...times('p50'), ...times('p99'), `${peers} %`].join(' | ')} |`;
}

function signedPercent(ratio: number): string {
  return `${ratio < 0 ? '−' : '+'}${Math.abs(ratio * 100).toFixed(1)} %`;
}

/** Null where one of them is. */
function meanOf(all: Seen[]): Seen {
  const mean = (values: (number | null)[]): number | null =>
    values.includes(null) ? null : values.reduce<number>((sum, value) => sum + value!, 0) / values.length;
  return {
    p50: mean(all.map(({ p50 }) => p50)),
    p99: mean(all.map(({ p99 }) => p99)),
    peers: mean(all.map(({ peers }) => peers))!,
  };
}

bench.run();
