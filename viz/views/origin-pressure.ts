/** The contract's limits as bars: how much of each the shown run and every policy use at most. */
import { formatBytes, formatRate } from '#scenarios/format/units.ts';
import type { Dataset, Run } from '#viz/data/dataset.ts';
import { pointsWhere } from '#viz/data/decision.ts';
import { formatCount, formatPercent } from '#viz/format.ts';
import { button, make } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { mark } from './decision-answers.ts';

interface Use {
  name: string;
  used: number;
  limit: number;
  show(value: number): string;
}

export function pressureTable(data: Dataset, store: Store, run: Run): HTMLElement {
  const element = make('div');
  const { origin } = run.result.summary;
  const { contract } = data;
  const uses: Use[] =
    contract === null
      ? []
      : [
          { name: 'Peak rate', used: origin.peakBytesPerSecond, limit: contract.bytesPerSecond, show: formatRate },
          { name: 'Connections', used: origin.peakConnections, limit: contract.connections, show: formatCount },
          ...contract.windows.map(({ name, bytes }) => ({
            name: `Most in any ${name}`,
            used: origin.trafficMaxPerWindow[name] ?? 0,
            limit: bytes,
            show: formatBytes,
          })),
        ];
  const limited = uses.filter(({ limit }) => limit < Infinity);
  if (limited.length > 0)
    element.append(make('div', 'legend-title', 'Use of the contract, this run'), ...limited.map(useBar));
  const shown = pointsWhere(data, (point) => store.isShown(point));
  if (shown.length > 1) element.append(policies(data, store, shown));
  return element;
}

function useBar({ name, used, limit, show }: Use): HTMLElement {
  const element = make('div', 'use');
  const share = used / limit;
  const line = make('div', 'use-line');
  line.append(make('span', '', name), make('b', share > 1 ? 'bad-text' : '', `${show(used)} of ${show(limit)}`));
  const track = make('div', 'use-track');
  const fill = make('span', share > 1 ? 'over' : '');
  fill.style.width = `${Math.min(1, share) * 100}%`;
  track.append(fill);
  element.append(line, track, make('span', 'use-share', formatPercent(share)));
  return element;
}

function policies(data: Dataset, store: Store, shown: number[]): HTMLElement {
  const element = make('div', 'pressures');
  const title = make('div', 'legend-title');
  title.append(make('span', '', 'By policy'), make('span', '', 'peak'), make('span', '', 'violated'));
  const peaks = data.column('origin.peakBytesPerSecond').mean;
  const broken = data.column('origin.violations').mean;
  const rows = shown.map((point) => {
    const row = make('div', 'pressure-row');
    const name = button(data.labels[point]!, 'Show its runs', () => store.set({ focus: point, seed: 0 }));
    name.prepend(mark(data.policies?.[point]));
    const isBroken = broken[point]! > 0;
    const seconds = isBroken ? `${formatCount(broken[point]!)} s` : 'never';
    row.append(
      name,
      make('span', '', formatRate(peaks[point]!)),
      make('span', isBroken ? 'bad-text' : 'good-text', seconds),
    );
    return row;
  });
  element.append(title, ...rows);
  return element;
}
