/** The four answers above the chart, each with its distance to the next best and how sure that is. */
import { formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { colourOf, shapeOf } from '#viz/appearance.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { bestBy, bestTrade, inWords, qualifies } from '#viz/data/decision.ts';
import { type MetricKind, metricKind } from '#viz/data/metrics.ts';
import { formatCount, formatPercent, listed, plural } from '#viz/format.ts';
import { make } from '#viz/panel.ts';

export function headline(data: Dataset, shown: number[], x: string, y: string): string {
  if (data.kind === 'run') return runHeadline(data);
  const sound = shown.filter((point) => qualifies(data, point));
  const what = data.policies === null ? 'trial' : 'policy';
  if (shown.length === 0) return 'Nothing is inside the brush.';
  const best = data.own >= 0 && data.policies === null ? data.own : bestTrade(data, sound, x, y);
  if (best === -1) {
    const why = data.policies === null ? 'keeps every constraint' : 'both serves every client and keeps the contract';
    return `No ${what} ${why}.`;
  }
  const name = data.labels[best]!;
  const demands =
    data.policies === null
      ? 'keeps every constraint'
      : data.contract === null
        ? 'serves every client'
        : 'serves every client and keeps the origin’s contract';
  if (data.policies === null)
    return `${name} is the best trade-off of ${plural(sound.length, 'trial')} that keep every constraint.`;
  if (sound.length === 1 && shown.length > 1) return `Only ${name} ${demands}.`;
  const they = demands.replace('serves', 'serve').replace('keeps', 'keep');
  return `${name} is the best trade-off of the ${plural(sound.length, 'policy', 'policies')} that ${they}.`;
}

function runHeadline(data: Dataset): string {
  const { summary } = data.runs[0]!.result;
  const { total, completed, left } = summary.clients;
  const served =
    completed + left === total
      ? 'Every client that stayed has the file'
      : `${formatPercent(completed / total)} of the clients have the file`;
  if (data.contract === null) return `${served}.`;
  const state = data.broken[0] === 0 ? 'held' : `was broken for ${plural(data.broken[0]!, 'second')}`;
  return `${served}; the origin’s contract ${state}.`;
}

/** Tiles: the best in each objective, the best of both, and the contract. */
export function answers(data: Dataset, shown: number[], x: string, y: string): HTMLElement[] {
  const sound = shown.filter((point) => qualifies(data, point));
  const kinds = [metricKind(x), metricKind(y)];
  const objectives = kinds.map((kind) => objective(data, shown, sound, kind));
  if (data.kind === 'run') return [...objectives, boundTile(data), contractTile(data, shown)];
  return [...objectives, tradeTile(data, sound, x, y), contractTile(data, shown)];
}

interface Tile {
  label: string;
  point?: number;
  value?: string;
  figure?: string;
  note: string;
  tone?: 'good' | 'bad';
}

function tile(data: Dataset, { label, point, value, figure = '', note, tone }: Tile): HTMLElement {
  const element = make('div', `answer${tone === undefined ? '' : ` ${tone}`}`);
  const line = make('div', 'answer-value');
  if (point !== undefined && data.policies !== null) line.append(mark(data.policies[point]));
  line.append(value ?? data.labels[point ?? 0]!);
  element.append(make('div', 'answer-label', label), line);
  if (figure !== '') element.append(make('div', 'answer-figure', figure));
  element.append(make('div', 'answer-note', note));
  return element;
}

export function mark(policy: string | undefined, hollow = false): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('viewBox', '-8 -8 16 16');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', shapeOf(policy, 70));
  path.setAttribute('fill', hollow ? 'none' : colourOf(policy));
  path.setAttribute('stroke', colourOf(policy));
  path.setAttribute('stroke-width', '2');
  svg.append(path);
  return svg;
}

function withoutSpread(data: Dataset, point: number, { key, show, unit }: MetricKind): string {
  return `${show(data.column(key).mean[point]!)}${unit === 'money' && data.currency !== '' ? ` ${data.currency}` : ''}`;
}

/** "13.1 ± 0.4 s" */
export function withSpread(
  data: Dataset,
  point: number,
  { key, show, unit }: MetricKind,
  currencyName = data.currency,
): string {
  const { mean, high } = data.column(key);
  const value = mean[point]!;
  if (Number.isNaN(value)) return '–';
  const currency = unit === 'money' && currencyName !== '' ? ` ${currencyName}` : '';
  const half = high[point]! - value;
  if (Number.isNaN(half) || half <= Math.abs(value) * 1e-6) return `${show(value)}${currency}`;
  if (unit === 'time') return timeWithSpread(value, half);
  return `${show(value)} ± ${show(half)}${currency}`;
}

/** In one unit: "13.1 ± 0.42 s", but "13m 03s ± 12 s". */
function timeWithSpread(seconds: number, half: number): string {
  const shown = formatSeconds(seconds);
  const digits = String(Number(half.toPrecision(2)));
  if (seconds >= 99.95) return `${shown} ± ${half < 100 ? `${digits} s` : formatSeconds(half)}`;
  if (seconds < 1) return `${shown.replace(' ms', '')} ± ${Number((half * 1000).toPrecision(2))} ms`;
  return `${shown.replace(' s', '')} ± ${digits} s`;
}

const labels: Record<MetricKind['unit'], string> = {
  time: 'Fastest',
  money: 'Cheapest',
  rate: 'Gentlest on the origin',
  bytes: 'Least from the origin',
  share: 'Most from peers',
  factor: 'Nearest to the bound',
  count: 'Least',
};

function objective(data: Dataset, shown: number[], sound: number[], kind: MetricKind): HTMLElement {
  if (data.kind === 'run') {
    return tile(data, { label: kind.label, value: withSpread(data, 0, kind), note: 'one seed: chance is not known' });
  }
  const label = `${labels[kind.unit]} · ${kind.noun}`;
  const best = bestBy(data, sound, kind.key);
  if (best === -1) return tile(data, { label, value: 'none', note: 'nobody keeps every demand' });
  const rivals = shown.filter((point) => point !== best && data.unserved[point] === 0);
  const soundRivals = rivals.filter((point) => qualifies(data, point));
  const rival = bestBy(data, soundRivals.length > 0 ? soundRivals : rivals, kind.key);
  return tile(data, {
    label,
    point: best,
    figure: `${kind.noun} ${withSpread(data, best, kind)}`,
    note: rival === -1 ? 'nothing to compare it with' : against(data, best, rival, kind),
  });
}

/** "11 % faster than cdn (−15 % to −7 %)" */
function against(data: Dataset, best: number, rival: number, kind: MetricKind): string {
  const words = inWords(data, best, rival, kind);
  const flaw = qualifies(data, rival)
    ? ''
    : data.policies === null
      ? ', which breaks a constraint'
      : ', which breaks the contract';
  const range = words.range === '' ? (data.seeds === 1 ? ', one seed' : '') : ` (${words.range})`;
  const isFactor = words.text.includes('×');
  const joint = words.better === 0 ? (words.text === 'the same' ? 'as' : 'to') : isFactor ? 'of' : 'than';
  return `${words.text} ${joint} ${data.labels[rival]}${flaw}${range}`;
}

function tradeTile(data: Dataset, sound: number[], x: string, y: string): HTMLElement {
  const label = 'Best trade-off';
  const best = data.policies === null && data.own >= 0 ? data.own : bestTrade(data, sound, x, y);
  if (best === -1) return tile(data, { label, value: 'none', note: 'nobody keeps every demand' });
  const base = data.baseline === best ? -1 : data.baseline;
  const kinds = [metricKind(x), metricKind(y)];
  const figure = kinds.map((kind) => withoutSpread(data, best, kind)).join(' · ');
  const next = bestTrade(
    data,
    sound.filter((point) => point !== best),
    x,
    y,
  );
  const other = base === -1 ? next : base;
  if (other === -1) return tile(data, { label, point: best, figure, note: 'no other one qualifies' });
  const words = kinds.map((kind) => inWords(data, best, other, kind).text);
  return tile(data, { label, point: best, figure, note: `against ${data.labels[other]}: ${listed(words)}` });
}

function boundTile(data: Dataset): HTMLElement {
  const { bound } = data.runs[0]!.result.summary;
  const { p50, max } = bound.ratio;
  const show = (value: number | null) => (value === null ? '–' : `${Number(value.toPrecision(3))}×`);
  const value = `${show(p50)} · ${show(max)}`;
  return tile(data, { label: 'Of the lower bound', value, note: `median and last finish; decided by: ${bound.which}` });
}

function contractTile(data: Dataset, shown: number[]): HTMLElement {
  if (data.policies === null) {
    const trials = shown.filter((point) => point !== data.baseline);
    const kept = trials.filter((point) => data.broken[point] === 0).length;
    return tile(data, {
      label: 'Constraints',
      value: `${formatCount(kept)} of ${formatCount(trials.length)} keep them`,
      note: kept === trials.length ? 'none broke' : 'the others are drawn hollow',
    });
  }
  if (data.contract === null)
    return tile(data, { label: 'Origin’s contract', value: 'none', note: 'the scenario sets no limit' });
  const { bytesPerSecond } = data.contract;
  const kept = shown.filter((point) => data.broken[point] === 0);
  const own = shown.includes(data.own) ? data.own : (kept[0] ?? shown[0] ?? 0);
  const peak = data.column('origin.peakBytesPerSecond').mean[own]!;
  const share = bytesPerSecond === Infinity ? '' : ` of ${formatRate(bytesPerSecond)}`;
  const runs = data.runsOf[own]!.length;
  const state =
    data.broken[own] === 0
      ? `held in ${runs === 1 ? 'the run' : `all ${runs} runs`}`
      : `broken for ${plural(data.broken[own]!, 'second')}`;
  const others = shown.length - kept.length;
  const rest =
    shown.length === 1
      ? ''
      : `; ${others === 0 ? 'nobody broke it' : `broken by ${others} of ${shown.length} policies`}`;
  return tile(data, {
    label: 'Origin’s contract',
    value: data.broken[own] === 0 ? 'Held' : 'Broken',
    figure: `peak ${formatRate(peak)}${share}`,
    note: `${data.labels[own]}: ${state}${rest}`,
    tone: data.broken[own] === 0 ? 'good' : 'bad',
  });
}
