/** `sluice enrol ROLE`: a token for a node, for a fleet of them, or for an operator. */
import { writeFileSync } from 'node:fs';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { MadeToken } from '../control/enrolment.ts';
import { type ControlAddress, withControl } from './control-client.ts';

export interface EnrolOptions extends ControlAddress {
  name: string;
  group: string[];
  fleet?: boolean;
  uses?: number;
  expires?: string;
  renew?: boolean;
  out?: string;
}

export async function enrolCommand(role: string, options: EnrolOptions): Promise<number> {
  const permits = permitsOf(role, options);
  return withControl(options, async (control) => {
    const { name, group, uses, expires, renew, out } = options;
    const made = await control.ask<MadeToken>('POST', '/api/tokens', {
      body: { permits, name, groups: group, uses, expires, renew },
    });
    if (out === undefined) {
      process.stdout.write(options.json ? `${JSON.stringify(made, undefined, 2)}\n` : `${made.token}\n`);
      return;
    }
    writeFileSync(out, `${made.token}\n`, { mode: 0o600 });
    const { token: _, ...rest } = made;
    process.stdout.write(options.json ? `${JSON.stringify({ ...rest, tokenFile: out })}\n` : `${out}\n`);
  });
}

function permitsOf(role: string, { fleet, uses }: EnrolOptions): string {
  if (role === 'operator' || role === 'viewer') {
    if (fleet) throw new Stop(exitCodes.usage, `--fleet is for relays and clients, not for a ${role}`);
    return role === 'operator' ? 'operate' : 'view';
  }
  if (!fleet && uses !== undefined) throw new Stop(exitCodes.usage, '--uses belongs to --fleet');
  return fleet ? `enrol-${role}` : role;
}
