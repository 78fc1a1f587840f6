import type { Policy } from '#core/policy.ts';
import { InvalidValue, type Path, Problem } from './error.ts';
import { allowed } from './nearest.ts';
import { parseQuantity, printQuantity, type Quantity } from './units.ts';

/** What a knob of a policy holds: a quantity, a whole number, yes or no, one of some words, or several of them. */
export type KnobKind =
  | { kind: 'quantity'; quantity: Quantity; says: string }
  | { kind: 'count'; max: number; says: string }
  | { kind: 'boolean'; says: string }
  | { kind: 'choice'; words: readonly string[]; says: string }
  | { kind: 'choices'; words: readonly string[]; says: string };

/** One entry per knob, none forgotten and none too many. */
type KnobsOf<Group> = {
  [Key in keyof Group]-?: Group[Key] extends number | string | boolean | readonly unknown[]
    ? KnobKind
    : KnobsOf<Group[Key]>;
};
export type KnobTree = { [key: string]: KnobKind | KnobTree };

const bytes = (says: string): KnobKind => ({ kind: 'quantity', quantity: 'size', says });
const rate = (says: string): KnobKind => ({ kind: 'quantity', quantity: 'speed', says });
const time = (says: string): KnobKind => ({ kind: 'quantity', quantity: 'time', says });
const share = (says: string): KnobKind => ({ kind: 'quantity', quantity: 'share', says });
const ratio = (says: string): KnobKind => ({ kind: 'quantity', quantity: 'ratio', says });
const count = (says: string, max = 1_000_000): KnobKind => ({ kind: 'count', max, says });
const boolean = (says: string): KnobKind => ({ kind: 'boolean', says });
const choice = (words: readonly string[], says: string): KnobKind => ({ kind: 'choice', words, says });
const choices = (words: readonly string[], says: string): KnobKind => ({ kind: 'choices', words, says });

export const relayChoices = ['geography', 'latency', 'load', 'history', 'combined'] as const;

/** Every knob of a policy: parsing, printing, the schema and the messages come from it. */
const everyKnob: KnobsOf<Omit<Policy, 'name'>> = {
  contract: boolean('Asks for a lease before it touches the origin, and so keeps its contract.'),
  swarm: {
    enabled: boolean('Clients exchange pieces by BitTorrent.'),
    originSeeds: boolean('The origin is a peer and the first seed.'),
    relaysSeed: boolean('Relays are peers of the swarm.'),
    graph: choice(['tracker', 'regular', 'scheduled'], 'Who is connected to whom.'),
    peerConnections: count('Connections of one client to peers.'),
    candidates: count('Scheduled graphs: candidates that the scheduler draws.'),
    parents: count('Scheduled graphs: how many candidates become parents.'),
    choking: choice(['tit-for-tat', 'none'], 'How upload slots are given.'),
    uploadSlots: count('Upload slots of a client, by what its peers give.'),
    optimisticSlots: count('Upload slots of a client that are given by chance.'),
    chokeInterval: time('Time between two rounds of choking.'),
    optimisticInterval: time('Time between two changes of the slots given by chance.'),
    relaySlotRate: rate('A relay opens one upload slot for each of this much uplink.'),
    requestsInFlight: count('Pieces that one client asks for at a time.'),
    picker: choice(['rarest', 'random', 'sequential'], 'Which piece is asked for next.'),
    pieceTimeout: time('A request without an answer for this long is asked elsewhere; 0 = never.'),
    endgame: {
      pieces: count('Begins when no more pieces than this are missing and all are asked for.'),
      sources: count('Sources at most of one block.'),
      budget: share('Duplicate bytes at most, as a share of the file.'),
    },
  },
  http: {
    when: choice(['never', 'always', 'fallback', 'orphan'], 'When HTTP is used.'),
    sources: choices(['relay', 'origin'], 'Where HTTP asks, in this order.'),
    connections: count('Requests that one client has open at a time.'),
    rangePieces: count('Pieces at most in one ranged request.'),
    originClients: count('Clients at most at the origin at a time; 0 = no limit of its own.'),
    parentTries: count('Orphans: tries to find a parent before the origin is asked.'),
    parentRetry: time('Orphans: time between two tries.'),
    directBelow: bytes('A file of this size or less goes straight to the last source; 0 = never.'),
    backoffFirst: time('First delay after a refusal.'),
    backoffMax: time('Longest delay after refusals.'),
    hedge: share('Bytes at most asked for twice because a source is slow, as a share of the file.'),
  },
  fallback: {
    triggers: choices(['slow', 'stalled', 'blocked', 'overdue'], 'What opens HTTP.'),
    delay: time('No trigger is looked at before a client is this old.'),
    threshold: rate('Slow: the rate of BitTorrent is under this'),
    hold: time('Slow: … for this long.'),
    stallProgress: share('Stalled: progress, as a share of the file, is under this'),
    stallPeriod: time('Stalled: … in this time.'),
    blockedAttempts: count('Blocked: no handshake succeeded in this many attempts.'),
    overdue: ratio('Overdue: elapsed time over this multiple of the estimate.'),
    closeRatio: ratio('Closes when the rate is over this multiple of the threshold'),
    closeHold: time('… for this long.'),
    fill: choice(['deficit', 'rest'], 'HTTP brings what is missing to the target rate, or all that is free.'),
    adaptive: boolean('The threshold adapts to file size, network, scale and cohort.'),
  },
  relay: {
    used: boolean('Relays take part.'),
    choice: choice(relayChoices, 'How a client chooses its relay.'),
    pullConnections: count('Connections with which one relay pulls from the origin.'),
    exchange: boolean('Relays of one file pull disjoint parts and exchange them.'),
    completeFirst: boolean('A relay serves only when it has the whole file.'),
  },
};

export const knobs = everyKnob as unknown as KnobTree;

export const isKnob = (entry: KnobKind | KnobTree): entry is KnobKind => typeof entry.kind === 'string';

/** A policy with the knobs of a text tree changed; `problem` paths begin at `path`. */
export function withKnobs(base: Policy, texts: Record<string, unknown>, path: Path): Policy {
  const { name: _, ...values } = base;
  return { name: base.name, ...(changed(knobs, values, texts, path) as Omit<Policy, 'name'>) };
}

function changed(tree: KnobTree, values: object, texts: Record<string, unknown>, path: Path): object {
  const result: Record<string, unknown> = { ...values };
  for (const [key, text] of Object.entries(texts)) {
    const entry = Object.hasOwn(tree, key) ? tree[key]! : undefined;
    const here = [...path, key];
    if (entry === undefined) throw new Problem(here, `unknown key "${key}": ${allowed(key, Object.keys(tree))}`, true);
    if (isKnob(entry)) {
      result[key] = readKnob(entry, text, here);
    } else {
      if (typeof text !== 'object' || text === null || Array.isArray(text)) {
        throw new Problem(here, `must hold keys: ${allowed('', Object.keys(entry))}`);
      }
      result[key] = changed(entry, result[key] as object, text as Record<string, unknown>, here);
    }
  }
  return result;
}

function readKnob(knob: KnobKind, text: unknown, path: Path): unknown {
  try {
    return parseKnob(knob, text);
  } catch (error) {
    if (error instanceof InvalidValue) throw new Problem(path, error.message);
    throw error;
  }
}

/** The value of a knob: a number in base units, a boolean, a word or a list of words. */
export function parseKnob(knob: KnobKind, text: unknown): unknown {
  switch (knob.kind) {
    case 'quantity':
      return parseQuantity(knob.quantity, text);
    case 'count':
      return parseCount(text, 0, knob.max);
    case 'boolean':
      if (typeof text === 'boolean') return text;
      throw new InvalidValue(`${JSON.stringify(text)} is neither true nor false`);
    case 'choice':
      return parseWord(text, knob.words);
    case 'choices':
      if (!Array.isArray(text)) throw new InvalidValue(`must be a list, of ${knob.words.join(', ')}`);
      if (new Set(text).size < text.length) throw new InvalidValue(`${JSON.stringify(text)} names one twice`);
      return text.map((word) => parseWord(word, knob.words));
    default:
      return knob satisfies never;
  }
}

export function parseWord(text: unknown, words: readonly string[]): string {
  if (typeof text === 'string' && words.includes(text)) return text;
  const word = typeof text === 'string' ? text : '';
  throw new InvalidValue(`${JSON.stringify(text)} is not known here: ${allowed(word, words)}`);
}

export function parseCount(text: unknown, min: number, max: number): number {
  if (typeof text !== 'number' || !Number.isInteger(text)) {
    throw new InvalidValue(`${JSON.stringify(text)} is not a whole number`);
  }
  if (text < min) throw new InvalidValue(`${text} is too small: at least ${min} is allowed`);
  if (text > max) throw new InvalidValue(`${text} is too large: at most ${max} is allowed`);
  return text === 0 ? 0 : text;
}

/** All knobs as text, the inverse of `withKnobs`. */
export function printKnobs(policy: Policy): Record<string, unknown> {
  return printed(knobs, policy as unknown as Record<string, unknown>);
}

function printed(tree: KnobTree, values: Record<string, unknown>): Record<string, unknown> {
  const texts: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(tree)) {
    const value = values[key];
    texts[key] = isKnob(entry) ? printKnob(entry, value) : printed(entry, value as Record<string, unknown>);
  }
  return texts;
}

function printKnob(knob: KnobKind, value: unknown): unknown {
  if (knob.kind !== 'quantity') return value;
  return knob.quantity === 'ratio' ? value : printQuantity(knob.quantity, value as number);
}
