/** Rows of the tables and the records that they stand for. JSON in a row is our own writing, so it is not checked. */
import type { Role } from '#nodes/protocol/from-node.ts';
import type { Value } from './database.ts';
import type {
  ClientTaskRecord,
  NodeRecord,
  OriginRecord,
  Permit,
  RelayTaskRecord,
  TaskRecord,
  TokenRecord,
} from './records.ts';

export interface TokenRow {
  hash: string;
  permits: string;
  holder: string;
  group_names: string;
  uses_left: number | null;
  expires_at: number | null;
}
export interface NodeRow {
  name: string;
  role: string;
  group_names: string;
  hello: string | null;
  seen_at: number | null;
  observed: string | null;
}
export interface OriginRow {
  name: string;
  number: number;
  url: string;
  contract: string;
  reach: string | null;
  paused: number;
  revision: number;
}
export interface TaskRow {
  id: string;
  request_key: string | null;
  origin: string;
  share_position: number;
  manifest: string | null;
  instruction: string;
  file: string;
  estimate: string;
  info_hash: string | null;
  state: string;
  revision: number;
  created_by: string;
  created_at: number;
  finished_at: number | null;
  growing: string | null;
  problem: string | null;
  query: string | null;
}
export interface RelayTaskRow {
  task: string;
  relay: string;
  holder: number;
  first_byte: number;
  end_byte: number;
  state: string;
  revision: number;
  accepted_revision: number;
  progress: string | null;
}
export interface ClientTaskRow {
  task: string;
  client: string;
  holder: number;
  relay: string | null;
  released_at: number | null;
  state: string;
  revision: number;
  accepted_revision: number;
  progress: string | null;
}

export const jsonOf = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
/** A field that stands in the record only if the column holds something. */
function filled<Key extends string, Found>(key: Key, value: Found | null): { [K in Key]?: Found } {
  return (value === null ? {} : { [key]: value }) as { [K in Key]?: Found };
}
const parsed = (text: string | null) => (text === null ? null : JSON.parse(text));

export const tokenOf = (row: TokenRow): TokenRecord => ({
  hash: row.hash,
  permits: row.permits as Permit,
  holder: row.holder,
  groups: JSON.parse(row.group_names),
  ...filled('usesLeft', row.uses_left),
  ...filled('expiresAtMilliseconds', row.expires_at),
});
export const rowOfToken = (token: TokenRecord): Record<string, Value> => ({
  hash: token.hash,
  permits: token.permits,
  holder: token.holder,
  group_names: JSON.stringify(token.groups),
  uses_left: token.usesLeft ?? null,
  expires_at: token.expiresAtMilliseconds ?? null,
});

export const nodeOf = (row: NodeRow): NodeRecord => ({
  name: row.name,
  role: row.role as Role,
  groups: JSON.parse(row.group_names),
  ...filled('hello', parsed(row.hello)),
  ...filled('seenAtMilliseconds', row.seen_at),
  ...filled('observed', parsed(row.observed)),
});

export const originOf = (row: OriginRow): OriginRecord => ({
  name: row.name,
  number: row.number,
  url: row.url,
  contract: JSON.parse(row.contract),
  reach: row.reach === null ? { mirrors: [], redirects: [], networks: [] } : JSON.parse(row.reach),
  paused: row.paused === 1,
  revision: row.revision,
});

export const taskOf = (row: TaskRow): TaskRecord => ({
  id: row.id,
  ...filled('requestKey', row.request_key),
  origin: row.origin,
  sharePosition: row.share_position,
  ...filled('manifest', row.manifest),
  instruction: JSON.parse(row.instruction),
  file: JSON.parse(row.file),
  estimate: JSON.parse(row.estimate),
  ...filled('infoHash', row.info_hash),
  state: row.state as TaskRecord['state'],
  revision: row.revision,
  createdBy: row.created_by,
  createdAtMilliseconds: row.created_at,
  ...filled('finishedAtMilliseconds', row.finished_at),
  ...filled('growing', parsed(row.growing)),
  ...filled('problem', row.problem),
  ...filled('query', row.query),
});
export const rowOfTask = (task: TaskRecord): Record<string, Value> => ({
  id: task.id,
  request_key: task.requestKey ?? null,
  origin: task.origin,
  share_position: task.sharePosition,
  manifest: task.manifest ?? null,
  instruction: JSON.stringify(task.instruction),
  file: JSON.stringify(task.file),
  estimate: JSON.stringify(task.estimate),
  info_hash: task.infoHash ?? null,
  state: task.state,
  revision: task.revision,
  created_by: task.createdBy,
  created_at: task.createdAtMilliseconds,
  finished_at: task.finishedAtMilliseconds ?? null,
  growing: jsonOf(task.growing),
  problem: task.problem ?? null,
  query: task.query ?? null,
});

export const relayTaskOf = (row: RelayTaskRow): RelayTaskRecord => ({
  task: row.task,
  relay: row.relay,
  holder: row.holder,
  firstByte: row.first_byte,
  endByte: row.end_byte,
  state: row.state as RelayTaskRecord['state'],
  revision: row.revision,
  acceptedRevision: row.accepted_revision,
  ...filled('progress', parsed(row.progress)),
});
export const rowOfRelayTask = (each: RelayTaskRecord): Record<string, Value> => ({
  task: each.task,
  relay: each.relay,
  holder: each.holder,
  first_byte: each.firstByte,
  end_byte: each.endByte,
  state: each.state,
  revision: each.revision,
  accepted_revision: each.acceptedRevision,
  progress: jsonOf(each.progress),
});

export const clientTaskOf = (row: ClientTaskRow): ClientTaskRecord => ({
  task: row.task,
  client: row.client,
  holder: row.holder,
  ...filled('relay', row.relay),
  ...filled('releasedAtMilliseconds', row.released_at),
  state: row.state as ClientTaskRecord['state'],
  revision: row.revision,
  acceptedRevision: row.accepted_revision,
  ...filled('progress', parsed(row.progress)),
});
export const rowOfClientTask = (each: ClientTaskRecord): Record<string, Value> => ({
  task: each.task,
  client: each.client,
  holder: each.holder,
  relay: each.relay ?? null,
  released_at: each.releasedAtMilliseconds ?? null,
  state: each.state,
  revision: each.revision,
  accepted_revision: each.acceptedRevision,
  progress: jsonOf(each.progress),
});
