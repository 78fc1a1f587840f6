/** How an origin is reached: what operators say of it, what others may see of that, and what each node is told. */
import type { Assignment, TargetFile } from '#nodes/protocol/assignment.ts';
import type { OriginText } from '#nodes/protocol/instruction.ts';
import { Problem } from '#scenarios/format/error.ts';
import { networkProblem } from '../http/address-rule.ts';
import type { OriginAccess } from '../http/origin-connection.ts';
import type { OriginReach, OriginRecord, TaskRecord } from '../store/records.ts';

/** What was said now, and of the authorization what was said before where nothing is said of it; else a `Problem`. */
export function reachOf(given: Omit<OriginText, 'url' | 'contract'>, before: OriginReach | undefined): OriginReach {
  const { mirrors, redirects, networks, authorization = before?.authorization ?? '' } = given;
  for (const [index, network] of networks.entries()) {
    const problem = networkProblem(network);
    if (problem !== undefined) throw new Problem(['networks', index], problem);
  }
  return { mirrors, redirects, networks, ...(authorization === '' ? {} : { authorization }) };
}

/** An origin as those see it who may look. */
export function shownOrigin({ reach, ...origin }: OriginRecord) {
  const { authorization, ...shown } = reach;
  return { ...origin, ...shown, hasAuthorization: authorization !== undefined };
}

/** For control itself and for nodes that may know the secrets. */
export function accessOf({ reach }: OriginRecord, query: string | undefined): OriginAccess {
  const { redirects, networks, authorization } = reach;
  return { query, authorization, redirects, networks };
}

/** What a node is told of its way to the origin; nothing where it needs nothing. */
export function toldAccess(
  origin: OriginRecord,
  task: TaskRecord,
  role: Assignment['role'],
): Pick<Assignment, 'access'> {
  const { redirects, networks, authorization } = origin.reach;
  const { query } = task;
  const secrets = mayKnow(task, role)
    ? { ...(query === undefined ? {} : { query }), ...(authorization === undefined ? {} : { authorization }) }
    : {};
  if (redirects.length + networks.length + Object.keys(secrets).length === 0) return {};
  return { access: { ...secrets, redirects, networks } };
}

/** Whether a client can ask the origin itself: it knows what is needed, and gets no more than it asks for. */
export function reachesOrigin({ reach }: OriginRecord, task: TaskRecord): boolean {
  const isSecret = reach.authorization !== undefined || task.query !== undefined;
  return task.file.wholeOnly !== true && (!isSecret || mayKnow(task, 'client'));
}

const mayKnow = ({ instruction }: TaskRecord, role: Assignment['role']): boolean =>
  role === 'relay' || instruction.credentials === 'everybody';

/** Where the file of `url` is at each mirror of the origin. */
export function mirrorsOf({ url: base, reach }: OriginRecord, url: string): string[] {
  const rest = new URL(url).pathname.slice(new URL(base).pathname.replace(/\/$/, '').length);
  return reach.mirrors.map((mirror) => mirror.replace(/\/$/, '') + rest);
}

/** Whether what a mirror has can be taken for the file: by a validator that both have, or because hashes will tell. */
export function isSameFile(file: TargetFile, other: TargetFile, isHashed: boolean): boolean {
  if (file.sizeBytes !== other.sizeBytes) return false;
  const sameTag = file.etag !== undefined && file.etag === other.etag;
  const sameDate = file.lastModified !== undefined && file.lastModified === other.lastModified;
  return isHashed || sameTag || sameDate;
}
