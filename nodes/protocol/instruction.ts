/**
 * The instruction to distribute a file (M1–M4): what to bring, to whom, how. It is written in the words and units of
 * a scenario, so that what was tried in simulation can be ordered as it stands; JSON over REST, options on the
 * command line.
 */
import * as Type from 'typebox';
import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';
import { type OriginContract, quotaBytesMax, quotaSlotsMax } from '#core/quota/contract.ts';
import { compileContract, compileDistribution } from '#scenarios/format/compile.ts';
import { parseRange } from '#scenarios/format/complete-tasks.ts';
import { completeContract } from '#scenarios/format/completion.ts';
import type { ContractText, DistributionText } from '#scenarios/format/configuration.ts';
import { Problem } from '#scenarios/format/error.ts';
import { printPolicy, readPolicy } from '#scenarios/format/policy-text.ts';
import { resolve } from '#scenarios/format/resolve.ts';
import type { Distribution } from '#scenarios/format/scenario.ts';
import { distribution } from '#scenarios/format/schema-course.ts';
import {
  choice,
  list,
  name,
  object,
  optional,
  rate,
  type Schema,
  size,
  text,
  time,
  whole,
} from '#scenarios/format/schema-kinds.ts';
import { policy } from '#scenarios/format/schema-policy.ts';
import { contract } from '#scenarios/format/schema-population.ts';
import { parseQuantity, parseSize, parseTime } from '#scenarios/format/units.ts';
import { mirrorsMax, networksMax, redirectsMax, relaysMax, secretLengthMax } from './limits.ts';

const urlText = (description: string) => Type.String({ pattern: '^https?://[^\\s?#]{1,4000}$', description });
const sha256Text = () => Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 as 64 hexadecimal digits.' });
const names = (noun: string, description: string) => list(name(noun), description, { default: [], maxItems: 100_000 });

export const instructionSchema = object(
  {
    url: Type.String({
      pattern: '^https?://[^\\s?#]{1,4000}(\\?[^\\s#]{1,4000})?$',
      description: 'The file at the origin: http(s)://…; a query (a presigned URL) is kept secret.',
    }),
    credentials: optional(
      choice(['relays', 'everybody'], 'Who is told the secrets of the origin: its query and its password.', 'relays'),
    ),
    name: optional(text("What nodes call the file; absent: the last part of the URL's path.")),
    version: optional(text('A label for people.', '')),
    size: optional(size('What the origin must say it has.')),
    sha256: optional(sha256Text()),
    manifest: optional(
      choice(['beside', 'none'], 'Piece hashes: looked for at <url>.manifest, or not at all.', 'beside'),
    ),
    targets: optional(
      object(
        {
          groups: optional(names('A group.', 'Clients of these groups.')),
          regions: optional(names('A region.', 'Clients of these regions.')),
          clients: optional(names('A client.', 'These clients, by name.')),
        },
        'Who gets it; nothing named: every client, also those that enrol while it runs.',
        { default: {} },
      ),
    ),
    policy: optional(policy('A name, or a named policy with some knobs changed.', { default: 'hybrid' })),
    distribution: optional(distribution),
    relays: optional(whole('Relays that pull the file, at most.', 0, relaysMax, 8)),
    band: optional(whole('Priority at the origin; 0 comes first.', 0, 15, 0)),
    weight: optional(whole('Weight inside its band.', 1, 1000, 1)),
    floor: optional(rate('Assured origin bandwidth.', { default: '0bps' })),
    ceiling: optional(rate('Origin bandwidth at most.', { endless: 'unlimited', default: 'unlimited' })),
    deadline: optional(time('When it should be done, from now.', { endless: 'never', default: 'never' })),
  },
  'An instruction to distribute a file.',
) as unknown as Schema;

/** An instruction with every default filled in; texts carry their units. */
export interface Instruction {
  /** Without its query. */
  url: string;
  credentials: 'relays' | 'everybody';
  name?: string;
  version: string;
  size?: string;
  sha256?: string;
  manifest: 'beside' | 'none';
  targets: { groups: string[]; regions: string[]; clients: string[] };
  policy: Record<string, unknown>;
  distribution: DistributionText;
  relays: number;
  band: number;
  weight: number;
  floor: string;
  ceiling: string;
  deadline: string;
}

/** The numbers behind it. `Infinity`: not limited, never. */
export interface CompiledInstruction {
  policy: Policy;
  distribution: Distribution;
  sizeBytes?: number;
  floorBytesPerSecond: number;
  ceilingBytesPerSecond: number;
  deadlineMilliseconds: number;
}

/** Policies that nodes can run: the baselines of the simulator imitate other systems and are not among them. */
export const nodePolicies = { hybrid };

/** What is wrong comes out as a `Problem` with its place. */
export function readInstruction(value: unknown): Instruction {
  const instruction = resolve(instructionSchema, value, []) as Instruction;
  checkUrl(instruction.url, ['url']);
  instruction.policy = printPolicy(readPolicy(instruction.policy, nodePolicies, ['policy']));
  const { window, priorityPieces } = instruction.distribution;
  const [fromMilliseconds, toMilliseconds] = compileInstruction(instruction).distribution.windowMilliseconds;
  if (fromMilliseconds >= toMilliseconds) {
    throw new Problem(['distribution', 'window'], `[${window.join(', ')}] ends before it begins`);
  }
  // A single piece may also come as a number.
  instruction.distribution.priorityPieces = priorityPieces.map(String);
  for (const [index, range] of instruction.distribution.priorityPieces.entries()) {
    const [first, last] = parseRange(range);
    if (first <= last && Number.isSafeInteger(last)) continue;
    throw new Problem(['distribution', 'priorityPieces', index], `"${range}" is no range such as 0-3`);
  }
  return instruction;
}

export function compileInstruction(instruction: Instruction): CompiledInstruction {
  const { size: sizeText, distribution: distributionText } = instruction;
  const read = readPolicy(instruction.policy, nodePolicies, ['policy']);
  const { relayChoice } = distributionText;
  return {
    policy: relayChoice === 'policy' ? read : { ...read, relay: { ...read.relay, choice: relayChoice } },
    distribution: compileDistribution({ distribution: distributionText }),
    ...(sizeText === undefined ? {} : { sizeBytes: parseSize(sizeText) }),
    floorBytesPerSecond: Math.floor(parseQuantity('rate', instruction.floor)),
    ceilingBytesPerSecond: endless('rate', instruction.ceiling),
    deadlineMilliseconds: instruction.deadline === 'never' ? Infinity : parseTime(instruction.deadline),
  };
}

const endless = (kind: 'rate', value: string): number =>
  value === 'unlimited' ? Infinity : Math.floor(parseQuantity(kind, value));

/** What an operator says of an origin. Without a contract nothing would be limited, so each part is named. */
export const originSchema = object(
  {
    url: urlText('What the URLs of its files begin with: http(s)://host[:port][/path].'),
    contract: object(contract('unlimited'), 'What it may be asked to bear.', { default: {} }),
    mirrors: optional(
      list(urlText('As url.'), 'Where its files are too, under the same contract.', {
        default: [],
        maxItems: mirrorsMax,
      }),
    ),
    redirects: optional(
      list(
        Type.String({ pattern: '^https?://[^\\s/?#@]{1,300}$', description: 'http(s)://host[:port].' }),
        'Where it may redirect to, beside its own host.',
        { default: [], maxItems: redirectsMax },
      ),
    ),
    networks: optional(
      list(Type.String({ maxLength: 64 }), 'Networks that are not public and yet hold it, such as 10.0.0.0/8.', {
        default: [],
        maxItems: networksMax,
      }),
    ),
    authorization: optional(
      Type.String({
        pattern: `^[\\x20-\\x7e]{0,${secretLengthMax}}$`,
        description: 'The Authorization header that it asks for; absent: as it was; empty: none.',
      }),
    ),
  },
  'An origin and its contract.',
) as unknown as Schema;

export interface OriginText {
  url: string;
  contract: ContractText;
  mirrors: string[];
  redirects: string[];
  networks: string[];
  authorization?: string;
}

/** The patterns of the schemas let through what no URL is, such as a port of 99999. */
function checkUrl(url: string, path: (string | number)[]): void {
  if (!URL.canParse(url)) throw new Problem(path, `"${url.slice(0, 200)}" is no URL`);
}

export function readOrigin(value: unknown): OriginText {
  const origin = resolve(originSchema, value, []) as OriginText;
  checkUrl(origin.url, ['url']);
  for (const [index, mirror] of origin.mirrors.entries()) checkUrl(mirror, ['mirrors', index]);
  for (const [index, redirect] of origin.redirects.entries()) checkUrl(redirect, ['redirects', index]);
  completeContract(origin.contract, ['contract']);
  return origin;
}

/** In the numbers of core/quota: whole ones, within its exact range. */
export function compileOriginContract(text: ContractText): OriginContract {
  const { connectionsMax, bytesPerSecondMax, burstBytes, traffic } = compileContract(text);
  return {
    connections: bounded(connectionsMax, quotaSlotsMax),
    bytesPerSecond: bounded(bytesPerSecondMax, quotaBytesMax),
    burstBytes: bounded(burstBytes, quotaBytesMax),
    windows: traffic.map(({ windowMilliseconds, bytesMax }) => ({
      windowMilliseconds: Math.ceil(windowMilliseconds),
      bytes: Math.floor(bytesMax),
    })),
  };
}

function bounded(value: number, max: number): number {
  return value === Infinity ? Infinity : Math.min(Math.floor(value), max);
}

const permitWords = ['operate', 'view', 'relay', 'client', 'enrol-relay', 'enrol-client'] as const;
/** What an operator asks for when he makes a token. */
export const tokenSchema = object(
  {
    permits: choice(permitWords, 'What its bearer may do.'),
    name: name('Of the operator, the node or the fleet.'),
    groups: optional(names('A group.', 'Groups of the node; of an operator: the origins that it may use.')),
    uses: optional(whole('How many machines of a fleet may enrol with it; absent: any number.', 1, 1_000_000_000)),
    expires: optional(time('From now.', { endless: 'never', default: 'never' })),
    renew: optional(Type.Boolean({ default: false, description: 'The node is known: its old tokens end.' })),
  },
  'A token.',
) as unknown as Schema;

export interface TokenText {
  permits: (typeof permitWords)[number];
  name: string;
  groups: string[];
  uses?: number;
  expires: string;
  renew: boolean;
}

export const readToken = (value: unknown): TokenText => resolve(tokenSchema, value, []) as TokenText;
/** From now; Infinity: never. */
export const expiryMilliseconds = ({ expires }: TokenText): number =>
  expires === 'never' ? Infinity : parseTime(expires);
