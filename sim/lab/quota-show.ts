/** `sluice quota show`: who holds what of an origin's contract over time. */
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import type { GroupHolding, QuotaSample } from '#sim/quota-log.ts';
import { simulateQuota } from '#sim/simulate.ts';
import type { QuotaShowOptions } from './options.ts';
import { loadSource, openSource } from './source.ts';
import { aligned, count, percent, plural } from './table.ts';

const rowsShown = 24;

export function quotaShowCommand(options: QuotaShowOptions): number {
  const { scenario, warnings } = loadSource(openSource(options.scenario), options);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const { log, outcome } = simulateQuota(scenario, options.every ?? 1);
  const { origin } = outcome.summary;
  if (options.json === true) {
    const found = { version: 1, kind: 'quota', scenario: scenario.name, everySeconds: log.everySeconds };
    process.stdout.write(`${JSON.stringify({ ...found, origin, samples: log.samples }, undefined, 2)}\n`);
    return exitCodes.ok;
  }
  const lines = [
    `${scenario.name}: ${scenario.policy.name}, seed ${scenario.seed}, fidelity ${scenario.fidelity}`,
    '',
    ...tableOf(log.samples),
    '',
    `violations   ${origin.violations === 0 ? 'none' : plural(origin.violations, 'second')}`,
    ...(origin.useWhileShort === null
      ? []
      : [`while short  ${percent(origin.useWhileShort)} of what leases may grant was sent`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.ok;
}

/** A row where something changes, and rows between at even steps; none where nobody holds anything. */
function tableOf(samples: readonly QuotaSample[]): string[] {
  const busy = samples.filter(({ groups, openConnections }) => openConnections > 0 || groups.some(isBusy));
  if (busy.length === 0) return ['nobody held or asked for anything'];
  const step = Math.max(1, Math.ceil(busy.length / rowsShown));
  const isTurn = (sample: QuotaSample, index: number) => index > 0 && turnOf(sample) !== turnOf(busy[index - 1]!);
  const shown = busy.filter((sample, index) => index % step === 0 || isTurn(sample, index));
  const groups = shown[0]!.groups
    .map((_, index) => index)
    .filter((index) => busy.some((sample) => isBusy(sample.groups[index]!)));
  const hasTasks = shown[0]!.groups.length > 2;
  const header = [
    'time',
    'owner',
    'limit',
    'sends',
    'open',
    ...groups.map((index) => nameOf(shown[0]!.groups[index]!, hasTasks)),
  ];
  return aligned([header, ...shown.map((sample) => rowOf(sample, groups))]);
}

function isBusy({ leased, waiting, open }: GroupHolding): boolean {
  return leased + waiting + open > 0;
}

/** What a reader wants to see the moment of. */
function turnOf({ owner, contract }: QuotaSample): string {
  return JSON.stringify([owner, contract]);
}

function nameOf({ task, role }: GroupHolding, hasTasks: boolean): string {
  return hasTasks ? `${task} ${role}` : role;
}

function rowOf(
  { seconds, owner, contract, sentBytesPerSecond, openConnections, groups }: QuotaSample,
  shown: number[],
) {
  return [
    formatSeconds(seconds),
    owner === null ? 'nobody' : `${owner.server}, epoch ${owner.epoch}`,
    contract.bytesPerSecond === Infinity ? 'none' : formatRate(contract.bytesPerSecond),
    formatRate(sentBytesPerSecond),
    contract.connections === Infinity
      ? count(openConnections)
      : `${count(openConnections)} of ${count(contract.connections)}`,
    ...shown.map((index) => holdingText(groups[index]!)),
  ];
}

function holdingText({ leased, waiting, slots, bytesPerSecond }: GroupHolding): string {
  if (leased + waiting === 0) return '·';
  const waits = waiting > 0 ? `, ${count(waiting)} wait` : '';
  return `${count(leased)}: ${count(slots)} × ${formatBytes(slots === 0 ? 0 : bytesPerSecond / slots)}/s${waits}`;
}
