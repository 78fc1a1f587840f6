/** `sluice enrol ROLE`: a token for a node, for a fleet of them, or for an operator. */
import { writeFileSync } from 'node:fs';
import { paths } from '#nodes/protocol/limits.ts';
import type { EnrolResponse } from '#nodes/protocol/polling.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { MadeToken } from '../control/enrolment.ts';
import { type ControlAddress, withControl } from './control-client.ts';

export interface EnrolOptions extends ControlAddress {
  name: string;
  group: string[];
  fleet?: boolean;
  /** File with a fleet's token: this machine exchanges it for its own. */
  with?: string;
  uses?: number;
  expires?: string;
  renew?: boolean;
  out?: string;
}

export async function enrolCommand(role: string, options: EnrolOptions): Promise<number> {
  const permits = permitsOf(role, options);
  const { name, group, uses, expires, renew, out, with: fleetFile } = options;
  const address = fleetFile === undefined ? options : { ...options, tokenFile: fleetFile };
  return withControl(address, async (control) => {
    const made =
      fleetFile === undefined
        ? await control.ask<MadeToken>('POST', '/api/tokens', {
            body: { permits, name, groups: group, uses, expires, renew },
          })
        : await control.ask<EnrolResponse>('POST', paths.enrol, { body: { name } });
    if (out === undefined) {
      process.stdout.write(options.json ? `${JSON.stringify(made, undefined, 2)}\n` : `${made.token}\n`);
      return;
    }
    writeFileSync(out, `${made.token}\n`, { mode: 0o600 });
    const { token: _, ...rest } = made;
    process.stdout.write(options.json ? `${JSON.stringify({ ...rest, tokenFile: out })}\n` : `${out}\n`);
  });
}

function permitsOf(role: string, { fleet, uses, with: fleetFile }: EnrolOptions): string {
  if (fleetFile !== undefined && (fleet || role === 'operator' || role === 'viewer')) {
    throw new Stop(exitCodes.usage, '--with gives a relay or a client a token of its own');
  }
  if (role === 'operator' || role === 'viewer') {
    if (fleet) throw new Stop(exitCodes.usage, `--fleet is for relays and clients, not for a ${role}`);
    return role === 'operator' ? 'operate' : 'view';
  }
  if (!fleet && uses !== undefined) throw new Stop(exitCodes.usage, '--uses belongs to --fleet');
  return fleet ? `enrol-${role}` : role;
}
