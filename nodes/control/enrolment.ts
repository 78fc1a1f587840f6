/** Tokens of nodes, fleets and operators: made, exchanged, ended. */

import type { Role } from '#nodes/protocol/from-node.ts';
import { expiryMilliseconds, readToken } from '#nodes/protocol/instruction.ts';
import type { EnrolResponse } from '#nodes/protocol/polling.ts';
import type { Permit, TokenRecord } from '../store/records.ts';
import type { Control } from './control.ts';
import { refusing } from './publishing.ts';
import { Refused } from './refusal.ts';
import { hashOfToken, newIdentity, newToken } from './tokens.ts';

export interface MadeToken {
  name: string;
  permits: Permit;
  /** Told once: only its hash is kept. */
  token: string;
}

export async function makeToken(control: Control, given: unknown, nowMilliseconds: number): Promise<MadeToken> {
  const text = refusing(() => readToken(given));
  const { permits, name, groups, uses, renew } = text;
  const expiry = expiryMilliseconds(text);
  const token = newToken();
  const record: TokenRecord = {
    hash: hashOfToken(token),
    permits,
    holder: name,
    groups,
    ...(uses === undefined ? {} : { usesLeft: uses }),
    ...(expiry === Infinity ? {} : { expiresAtMilliseconds: nowMilliseconds + expiry }),
  };
  if (permits !== 'relay' && permits !== 'client') {
    await control.store.addToken(record, nowMilliseconds);
  } else if (renew) {
    const node = control.fleet.nodes.get(name);
    if (node?.record.role !== permits) throw new Refused('unknown', `there is no ${permits} "${name}"`, 'name');
    await control.store.renew(record, nowMilliseconds);
    node.session?.end('revoked', 'the node has a new token');
  } else {
    await addNode(control, permits, name, groups, record, nowMilliseconds);
  }
  return { name, permits, token };
}

/** A machine of a fleet gets a token of its own. */
export async function enrolMachine(
  control: Control,
  fleet: TokenRecord,
  wanted: string | undefined,
  nowMilliseconds: number,
): Promise<EnrolResponse> {
  const role: Role = fleet.permits === 'enrol-relay' ? 'relay' : 'client';
  const name = wanted ?? newIdentity(fleet.holder);
  const token = newToken();
  const record: TokenRecord = { hash: hashOfToken(token), permits: role, holder: name, groups: [] };
  await addNode(control, role, name, fleet.groups, record, nowMilliseconds, fleet.hash);
  return { node: name, token };
}

/** Its tokens end, and so does its line. */
export async function revokeNode(control: Control, name: string, nowMilliseconds: number): Promise<void> {
  const node = control.fleet.nodes.get(name);
  if (node === undefined) throw new Refused('unknown', `there is no node "${name}"`);
  await control.store.revokeTokens(name, nowMilliseconds);
  node.session?.end('revoked', 'the token of this node has been revoked');
}

async function addNode(
  control: Control,
  role: Role,
  name: string,
  groups: string[],
  token: TokenRecord,
  nowMilliseconds: number,
  fleetHash?: string,
): Promise<void> {
  const isAdded = await control.store.enrol({ name, role, groups }, token, nowMilliseconds, fleetHash);
  if (!isAdded) {
    throw new Refused('conflict', `a node "${name}" is enrolled already, or the fleet's token is used up`, 'name');
  }
  control.fleet.add({ name, role, groups });
}
