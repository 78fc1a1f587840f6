/** Where control is and who asks, as a node's options and its environment say it. */
import { readFileSync } from 'node:fs';
import type { LinkOptions } from '#nodes/link/control-link.ts';

export interface ControlOptions {
  control?: string;
  tokenFile?: string;
  authority?: string;
  polling?: LinkOptions['polling'];
}

export function linkOptions(options: ControlOptions): Pick<LinkOptions, 'control' | 'token' | 'authority' | 'polling'> {
  const { control = '', tokenFile, authority, polling = 'when-needed' } = options;
  if (!/^https?:\/\//.test(control) || !URL.canParse(control)) {
    throw Object.assign(new Error(`--control takes the URL of control, not "${control}"`), { exitCode: 2 });
  }
  const token = (tokenFile === undefined ? process.env.SLUICE_TOKEN : read(tokenFile))?.trim();
  if (token === undefined || token === '') {
    const text = 'no token: --token-file or SLUICE_TOKEN holds what `sluice enrol` printed';
    throw Object.assign(new Error(text), { exitCode: 2 });
  }
  return {
    control: new URL(control),
    token,
    polling,
    ...(authority === undefined ? {} : { authority: read(authority) }),
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw Object.assign(new Error(`${path}: ${(error as Error).message}`), { exitCode: 2 });
  }
}
