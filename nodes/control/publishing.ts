/**
 * From an instruction to a task (S101, S102): everything is validated first, and only then stored, in one transaction:
 * the distribution task, a relay task for each relay that clients were given, and the row of each client.
 */

import type { TargetFile } from '#nodes/protocol/assignment.ts';
import {
  type CompiledInstruction,
  compileInstruction,
  type Instruction,
  readInstruction,
} from '#nodes/protocol/instruction.ts';
import { Problem } from '#scenarios/format/error.ts';
import { fileNameProblem } from '../files/file-name.ts';
import type { OriginAccess } from '../http/origin-connection.ts';
import type { ClientTaskRecord, OriginRecord, RelayTaskRecord, TaskRecord } from '../store/records.ts';
import { estimateOf } from './estimating.ts';
import { type Fleet, type FleetNode, groupsOf } from './fleet.ts';
import { newEpoch } from './growth-desk.ts';
import { findManifest, probeFile } from './origin-probe.ts';
import { accessOf, isSameFile, mirrorsOf } from './origin-reach.ts';
import type { Budget } from './own-access.ts';
import { Refused } from './refusal.ts';
import { isUsable, RelayChooser } from './relay-chooser.ts';
import type { TaskTable } from './task-table.ts';
import { newIdentity } from './tokens.ts';

export interface Draft {
  task: TaskRecord;
  relayTasks: RelayTaskRecord[];
  clientTasks: ClientTaskRecord[];
  /** Text of the manifest, where one was found. */
  manifest?: string;
}

export interface Publisher {
  name: string;
  /** Origins it may use; empty: all. */
  origins: string[];
}

/** Lets control look at files of an origin within what the contract leaves. */
export type Look = <Result>(origin: OriginRecord, work: (budget: Budget) => Promise<Result>) => Promise<Result>;

/** Parts of relays begin at multiples of it, so that no piece of an ordinary length is pulled in two halves. */
const partAlignmentBytes = 4 * 1024 * 1024;

export function refusing<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof Problem) throw new Refused('invalid', error.message, error.path.join('.'));
    throw error;
  }
}

export async function draftTask(
  given: unknown,
  publisher: Publisher,
  origins: Iterable<OriginRecord>,
  fleet: Fleet,
  tasks: TaskTable,
  look: Look,
  nowMilliseconds: number,
): Promise<Draft> {
  const instruction = refusing(() => readInstruction(given));
  const origin = originOf(instruction.url, origins);
  if (publisher.origins.length > 0 && !publisher.origins.includes(origin.name)) {
    throw new Refused('forbidden', `${publisher.name} may not distribute from the origin "${origin.name}"`, 'url');
  }
  checkTargets(instruction, fleet);
  const query = takeQuery(instruction);
  const { file, found } = await look(origin, async (budget) => {
    const access = accessOf(origin, query);
    const urls = [instruction.url, ...mirrorsOf(origin, instruction.url)];
    const { file, others } = await describeFile(instruction, urls, access, budget);
    const isBeside = instruction.manifest === 'beside' && query === undefined;
    const found = isBeside ? await findManifest(file, access, budget) : undefined;
    const isHashed = found !== undefined || file.sha256 !== undefined;
    const mirrors = await findMirrors(file, others, isHashed, access, budget);
    return { file: { ...file, ...(mirrors.length === 0 ? {} : { mirrors }) }, found };
  });
  if (found !== undefined) {
    if (file.sha256 !== undefined && found.digest !== undefined && file.sha256 !== found.digest) {
      throw new Refused('no-such-file', `the manifest is of a file with SHA-256 ${found.digest}`, 'sha256');
    }
    if (found.digest !== undefined) file.sha256 = found.digest;
  }
  const compiled = compileInstruction(instruction);
  const clients = [...fleet.nodes.values()].filter((node) => isTarget(instruction, node));
  const id = newIdentity('task');
  const { relayTasks, clientTasks, relays } = shareOut(id, file, instruction, clients, fleet, tasks);
  const task: TaskRecord = {
    id,
    origin: origin.name,
    sharePosition: tasks.nextPosition(origin.name),
    ...(found === undefined ? {} : { manifest: found.sha256, infoHash: found.infoHash }),
    ...(found === undefined && relayTasks.length > 0 && mayBePeers(compiled) && file.wholeOnly !== true
      ? { growing: newEpoch(file.sizeBytes) }
      : {}),
    instruction,
    file,
    ...(query === undefined ? {} : { query }),
    estimate: estimateOf({
      fileBytes: file.sizeBytes,
      compiled,
      origin,
      clients,
      relays,
      earlier: tasks.tasks.values(),
    }),
    state: compiled.distribution.windowMilliseconds[0] > 0 ? 'waiting' : 'active',
    revision: 0,
    createdBy: publisher.name,
    createdAtMilliseconds: nowMilliseconds,
  };
  return { task, relayTasks, clientTasks, ...(found === undefined ? {} : { manifest: found.body }) };
}

function mayBePeers({ policy, distribution }: CompiledInstruction): boolean {
  return policy.swarm.enabled && distribution.protocols.includes('bittorrent');
}

/** Whether the instruction means this node. */
export function isTarget({ targets }: Instruction, { record }: FleetNode): boolean {
  if (record.role !== 'client') return false;
  const { groups, regions, clients } = targets;
  if (groups.length + regions.length + clients.length === 0) return true;
  if (clients.includes(record.name)) return true;
  if (record.hello?.region !== undefined && regions.includes(record.hello.region)) return true;
  const own = groupsOf(record);
  return groups.some((group) => own.has(group));
}

function originOf(url: string, origins: Iterable<OriginRecord>): OriginRecord {
  const known = [...origins];
  const address = new URL(url);
  // As a URL and not as a text: http://good.example@evil.example begins with many a good name.
  const fitting = known.filter((origin) => {
    const base = new URL(origin.url);
    const path = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
    return base.origin === address.origin && address.pathname.startsWith(path);
  });
  fitting.sort((left, right) => right.url.length - left.url.length);
  const [origin] = fitting;
  if (origin === undefined || address.username !== '' || address.password !== '') {
    const names = known.map((one) => `${one.name} (${one.url})`).join(', ');
    throw new Refused(
      'invalid',
      `${url} belongs to no origin that is known here: ${names || 'there is none yet'}; sluice limit adds one`,
      'url',
    );
  }
  if (origin.paused) throw new Refused('conflict', `the origin "${origin.name}" is paused`, 'url');
  return origin;
}

function checkTargets({ targets }: Instruction, fleet: Fleet): void {
  for (const [index, client] of targets.clients.entries()) {
    if (fleet.nodes.get(client)?.record.role === 'client') continue;
    throw new Refused('invalid', `no client "${client}" is enrolled`, `targets.clients.${index}`);
  }
}

/** Takes the query from the URL: it may be a signature, and nobody is to see it who need not. */
function takeQuery(instruction: Instruction): string | undefined {
  const [url = '', ...query] = instruction.url.split('?');
  instruction.url = url;
  return query.length === 0 ? undefined : query.join('?');
}

/** The file at the first of the URLs that answers, and the URLs behind it. */
async function describeFile(instruction: Instruction, urls: string[], access: OriginAccess, budget: Budget) {
  const name = instruction.name ?? lastPart(instruction.url);
  const problem = fileNameProblem(name);
  if (problem !== undefined) throw new Refused('invalid', problem, 'name');
  let last: unknown;
  for (const [index, url] of urls.entries()) {
    try {
      const found = await probeFile(url, name, index === 0 ? access : { ...access, query: undefined }, budget);
      return { file: checkedFile(found, instruction), others: urls.slice(index + 1) };
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'origin-unreachable') throw error;
      last ??= error;
    }
  }
  throw last;
}

/** The mirrors that have the same file. One that does not answer now is left out. */
async function findMirrors(
  file: TargetFile,
  urls: string[],
  isHashed: boolean,
  access: OriginAccess,
  budget: Budget,
): Promise<NonNullable<TargetFile['mirrors']>> {
  const mirrors: NonNullable<TargetFile['mirrors']> = [];
  for (const url of urls) {
    const found = await probeFile(url, file.name, { ...access, query: undefined }, budget).catch((error: unknown) => {
      if (error instanceof Refused && error.code !== 'not-ready') return undefined;
      throw error;
    });
    if (found === undefined || found.wholeOnly === true || !isSameFile(file, found, isHashed)) continue;
    const { etag, lastModified } = found;
    mirrors.push({
      url,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    });
  }
  return mirrors;
}

function checkedFile(file: TargetFile, instruction: Instruction): TargetFile {
  const { version, sha256 } = instruction;
  const { sizeBytes } = compileInstruction(instruction);
  if (sizeBytes !== undefined && sizeBytes !== file.sizeBytes) {
    throw new Refused('no-such-file', `the origin has ${file.sizeBytes} bytes, not ${sizeBytes}`, 'size');
  }
  return { ...file, ...(version === '' ? {} : { version }), ...(sha256 === undefined ? {} : { sha256 }) };
}

function lastPart(url: string): string {
  const part = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A relay for each client, and a part of the file for each relay that got one. */
function shareOut(
  task: string,
  file: TargetFile,
  instruction: Instruction,
  clients: FleetNode[],
  fleet: Fleet,
  tasks: TaskTable,
) {
  const { policy } = compileInstruction(instruction);
  const usable = policy.relay.used ? fleet.relays.filter(isUsable) : [];
  const chooser = new RelayChooser(usable, clients, (relay) => servedBy(relay, tasks));
  const relays = new Set<FleetNode>();
  const clientTasks = clients.map((client): ClientTaskRecord => {
    const full = relays.size >= instruction.relays;
    const chosen = usable.length === 0 ? undefined : chooser.choose(policy.relay.choice, client);
    const relay = chosen !== undefined && full && !relays.has(chosen) ? [...relays][0] : chosen;
    if (relay !== undefined && instruction.relays > 0) relays.add(relay);
    return {
      task,
      client: client.record.name,
      holder: tasks.nextHolder(),
      ...(relay === undefined || instruction.relays === 0 ? {} : { relay: relay.record.name }),
      state: 'waiting',
      revision: 1,
      acceptedRevision: 0,
    };
  });
  // Clients that enrol later will need one.
  const [spare] = usable;
  if (relays.size === 0 && spare !== undefined && instruction.relays > 0) relays.add(spare);
  const used = [...relays];
  return { relays: used, clientTasks, relayTasks: partsOf(task, file.sizeBytes, used, tasks) };
}

function partsOf(task: string, sizeBytes: number, relays: FleetNode[], tasks: TaskTable): RelayTaskRecord[] {
  const units = Math.ceil(sizeBytes / partAlignmentBytes);
  const start = (index: number): number =>
    Math.min(sizeBytes, Math.floor((units * index) / relays.length) * partAlignmentBytes);
  return relays.map((relay, index) => ({
    task,
    relay: relay.record.name,
    holder: tasks.nextHolder(),
    firstByte: start(index),
    endByte: index === relays.length - 1 ? sizeBytes : start(index + 1),
    state: 'wanted',
    revision: 1,
    acceptedRevision: 0,
  }));
}

/** Clients of live tasks that this relay is named to. */
export function servedBy(relay: FleetNode, tasks: TaskTable): number {
  let count = 0;
  for (const { clients, record } of tasks.tasksOf(relay.record.name)) {
    if (record.state !== 'active') continue;
    for (const row of clients.values()) count += Number(row.relay === relay.record.name && row.state !== 'complete');
  }
  return count;
}
