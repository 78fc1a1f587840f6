/**
 * Which policy is the best trade-off, in one sentence. Only policies that serve everybody stand for election, and
 * of these the ones that keep the origin's contract come first. Among them the smallest p99 · cost wins: half the
 * time is worth twice the price. What another policy does better is said with its own price.
 */
import { formatSeconds } from '#scenarios/format/units.ts';
import { type Contender, valuesOf } from './comparison.ts';
import { configurationOf } from './report.ts';
import { holdsZero, intervalOf, pairedDifference } from './statistics.ts';
import { money, percent } from './table.ts';

interface Candidate {
  contender: Contender;
  policy: string;
  /** Share of the clients that did not get the file, though they stayed. */
  unserved: number;
  violations: number;
  p50: number | null;
  p99: number | null;
  cost: number;
}

/** Below this a difference is not worth a word. */
const noticeable = 0.01;
/** From here on "2.1×" reads better than "52 %". */
const largeFactor = 1.5;

export function verdictOf(contenders: Contender[], own: string): string {
  const candidates = contenders.map(candidateOf);
  const [best, ...others] = candidates.toSorted(byMerit) as [Candidate, ...Candidate[]];
  if (others.length === 0) return `${best.policy}: ${alone(best)}; nothing to compare it with.`;
  const rival = others.find(({ unserved }) => unserved === 0);
  const opening =
    rival === undefined || best.unserved > 0
      ? `${best.policy}: ${best.unserved > 0 ? '' : 'the only one that serves every client, '}${alone(best)}`
      : `${best.policy}: ${against(best, rival)}${contractClause(best, rival)}`;
  return `${[opening, ...exceptions(best, others, rival, own)].join('; ')}.`;
}

function candidateOf(contender: Contender): Candidate {
  const mean = (metric: string): number | null => intervalOf(valuesOf(contender, metric))?.mean ?? null;
  const unserved = (mean('clients.unfinished') ?? 0) + (mean('clients.failed') ?? 0);
  return {
    contender,
    policy: contender.policy,
    unserved: unserved / (mean('clients.total') ?? 1),
    violations: mean('origin.violations') ?? 0,
    p50: mean('p50(completion)'),
    p99: mean('p99(completion)'),
    cost: mean('cost.total') ?? 0,
  };
}

function byMerit(left: Candidate, right: Candidate): number {
  const broken = (candidate: Candidate) => Number(candidate.violations > 0);
  return left.unserved - right.unserved || broken(left) - broken(right) || score(left) - score(right);
}

function score({ p50, p99, cost, unserved }: Candidate): number {
  const seconds = (unserved === 0 ? p99 : p50) ?? Infinity;
  return cost === 0 ? seconds : seconds * cost;
}

function alone({ unserved, p99, p50, cost, violations, contender }: Candidate): string {
  const served = unserved === 0 ? '' : `leaves ${percent(unserved)} of the clients unfinished, as few as any, `;
  const time = p99 === null ? (p50 === null ? '' : `p50 ${formatSeconds(p50)}, `) : `p99 ${formatSeconds(p99)}, `;
  return `${served}${time}${costText(cost, contender)}${hasContract(contender) ? `, ${contractText(violations)}` : ''}`;
}

function costText(cost: number, { results }: Contender): string {
  return `costs ${money(cost)} ${results[0]!.summary.cost.currency}`;
}

function contractText(violations: number): string {
  return violations === 0 ? "keeps the origin's contract" : "breaks the origin's contract";
}

function hasContract({ results }: Contender): boolean {
  const { bandwidth, connections, traffic } = configurationOf(results[0]!).origin.contract;
  return bandwidth !== 'unlimited' || connections !== 'unlimited' || Object.keys(traffic).length > 0;
}

function against(best: Candidate, rival: Candidate): string {
  const times = `(${formatSeconds(best.p99)} against ${formatSeconds(rival.p99)})`;
  const speed = faster(best, rival, 'p99');
  const than = speed === undefined ? `as fast at p99 as ${rival.policy}` : `${speed} than ${rival.policy} at p99`;
  const cost = cheaper(best, rival);
  return `${than} ${times}, ${cost === undefined ? 'costs as much' : `costs ${cost}`}`;
}

function contractClause(best: Candidate, rival: Candidate): string {
  if (!hasContract(best.contender)) return '';
  if (best.violations > 0) return `, ${contractText(best.violations)}, as every policy that serves all clients`;
  return `, keeps the origin's contract${rival.violations > 0 ? `, which ${rival.policy} breaks` : ''}`;
}

/** "2.8× faster", "12 % slower"; absent where the seeds do not tell. */
function faster(left: Candidate, right: Candidate, quantile: 'p50' | 'p99'): string | undefined {
  const difference = differenceOf(left, right, `${quantile}(completion)`);
  if (difference === undefined) return undefined;
  const ratio = 1 + difference;
  if (ratio < 1) return ratio <= 1 / largeFactor ? `${short(1 / ratio)}× faster` : `${percent(-difference)} faster`;
  return ratio >= largeFactor ? `${short(ratio)}× slower` : `${percent(difference)} slower`;
}

/** "54 % less", "2.1× as much". */
function cheaper(left: Candidate, right: Candidate): string | undefined {
  if (right.cost === 0 && left.cost > 0) return 'something, where that is free';
  const difference = differenceOf(left, right, 'cost.total');
  if (difference === undefined) return undefined;
  if (difference < 0) return `${percent(-difference)} less`;
  return difference + 1 >= largeFactor ? `${short(difference + 1)}× as much` : `${percent(difference)} more`;
}

/** Relative, paired over the seeds; absent where it is small, or where the seeds do not tell. */
function differenceOf(left: Candidate, right: Candidate, metric: string): number | undefined {
  const difference = pairedDifference(valuesOf(left.contender, metric), valuesOf(right.contender, metric));
  if (difference === null || holdsZero(difference) || Math.abs(difference.mean) < noticeable) return undefined;
  return difference.mean;
}

const short = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));

/** Who is better than the best at something, and what that costs; and where the scenario's own policy stands. */
function exceptions(best: Candidate, others: Candidate[], rival: Candidate | undefined, own: string): string[] {
  const better = new Map<Candidate, string[]>();
  const note = (kind: 'p50' | 'p99' | 'cost'): void => {
    const ahead = others.filter((other) => leadOver(best, other, kind) < 0);
    const [first] = ahead.toSorted((left, right) => leadOver(best, left, kind) - leadOver(best, right, kind));
    if (first === undefined) return;
    const text = kind === 'cost' ? `costs ${cheaper(first, best)}` : `is ${faster(first, best, kind)} at ${kind}`;
    better.set(first, [...(better.get(first) ?? []), text]);
  };
  for (const kind of ['p99', 'p50', 'cost'] as const) note(kind);
  const found = [...better].map(([other, gains]) => {
    const losses = lossesOf(other, best);
    return `${other.policy} ${listed(gains)}${losses === '' ? '' : ` but ${losses}`}`;
  });
  const mine = others.find((other) => other.policy === own && !better.has(other) && other !== rival);
  const losses = mine && lossesOf(mine, best);
  if (mine !== undefined && losses) found.push(`the scenario's own policy, ${own}, ${losses}`);
  if (better.size === 0) found.push('no other policy is faster or cheaper');
  return found;
}

/** Relative; below zero where the other one is noticeably better, 0 where nothing is known. */
function leadOver(best: Candidate, other: Candidate, kind: 'p50' | 'p99' | 'cost'): number {
  return differenceOf(other, best, kind === 'cost' ? 'cost.total' : `${kind}(completion)`) ?? 0;
}

function lossesOf(other: Candidate, best: Candidate): string {
  const losses: string[] = [];
  if (other.unserved > best.unserved) losses.push(`leaves ${percent(other.unserved)} of the clients unfinished`);
  if (other.violations > 0 && best.violations === 0) losses.push(contractText(other.violations));
  // Beside such losses only a large one is worth a word.
  const from = losses.length > 0 ? largeFactor - 1 : 0;
  if (leadOver(best, other, 'p99') > from) losses.push(`is ${faster(other, best, 'p99')} at p99`);
  if (leadOver(best, other, 'cost') > from) losses.push(`costs ${cheaper(other, best)}`);
  return listed(losses);
}

/** "a, b and c" */
function listed(parts: string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
