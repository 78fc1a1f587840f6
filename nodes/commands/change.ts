/** `sluice pause | resume | cancel | limit`: changes of a task or an origin at run time. */
import { readFileSync } from 'node:fs';
import type { LiveTask } from '#nodes/protocol/live.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { shownOrigin } from '../control/origin-reach.ts';
import type { OriginRecord } from '../store/records.ts';
import { type ControlAddress, type ControlClient, withControl } from './control-client.ts';
import { assign } from './publish.ts';

export type Verb = 'pause' | 'resume' | 'cancel';

/** Control names tasks so; anything else is an origin. */
const isTask = (name: string): boolean => /^task-[0-9a-f]{16}$/.test(name);
const said = { pause: 'paused', resume: 'resumed', cancel: 'cancelled' };

export async function changeCommand(verb: Verb, name: string, options: ControlAddress): Promise<number> {
  if (verb === 'cancel' && !isTask(name)) throw new Stop(exitCodes.usage, `"${name}" is not a task: task-…`);
  return withControl(options, async (control) => {
    const kind = isTask(name) ? 'tasks' : 'origins';
    const answer = await control.ask('POST', `/api/${kind}/${encodeURIComponent(name)}/${verb}`);
    process.stdout.write(options.json ? `${JSON.stringify(answer, undefined, 2)}\n` : `${name} ${said[verb]}\n`);
  });
}

export interface LimitOptions extends ControlAddress {
  url?: string;
  connections?: string;
  bandwidth?: string;
  burst?: string;
  traffic: string[];
  mirror?: string[];
  redirect?: string[];
  network?: string[];
  authorizationFile?: string;
  set: string[];
  ledgerLost?: boolean;
}

export async function limitCommand(name: string, options: LimitOptions): Promise<number> {
  const { url, connections, bandwidth, burst, traffic, set } = options;
  const isContract =
    url ??
    options.mirror ??
    options.redirect ??
    options.network ??
    options.authorizationFile ??
    connections ??
    bandwidth ??
    burst ??
    (traffic.length > 0 ? traffic : undefined);
  if (isTask(name)) {
    if (isContract !== undefined) throw new Stop(exitCodes.usage, 'a task has no contract: use --set path=value');
    if (set.length === 0) throw new Stop(exitCodes.usage, 'nothing to change: --set path=value');
    const body: Record<string, unknown> = {};
    for (const assignment of set) assign(body, assignment);
    return withControl(options, async (control) => {
      print(await control.ask<LiveTask>('PATCH', `/api/tasks/${name}`, { body }), name, options);
    });
  }
  if (set.length > 0) throw new Stop(exitCodes.usage, `--set is for tasks; "${name}" would be an origin`);
  if (isContract === undefined) throw new Stop(exitCodes.usage, 'nothing to change: --bandwidth, --connections, …');
  return withControl(options, async (control) => {
    const body = await originOf(control, name, options);
    const path = `/api/origins/${encodeURIComponent(name)}${options.ledgerLost ? '?ledger=lost' : ''}`;
    print(await control.ask<OriginRecord>('PUT', path, { body }), name, options);
  });
}

/** What is not named stays as it is. */
async function originOf(control: ControlClient, name: string, options: LimitOptions) {
  const { connections, bandwidth, burst, traffic } = options;
  const shown = await control.ask<ReturnType<typeof shownOrigin>[]>('GET', '/api/origins');
  const known = shown.find((origin) => origin.name === name);
  const url = options.url ?? known?.url;
  if (url === undefined) throw new Stop(exitCodes.invalid, `the origin "${name}" is new: where is it? --url http://…`);
  const windows = Object.fromEntries(
    traffic.map((entry) => {
      const [window = '', size = ''] = entry.split('=');
      return [window, size];
    }),
  );
  const before = known?.contract;
  const { mirror, redirect, network, authorizationFile } = options;
  return {
    url,
    mirrors: mirror ?? known?.mirrors ?? [],
    redirects: redirect ?? known?.redirects ?? [],
    networks: network ?? known?.networks ?? [],
    ...(authorizationFile === undefined ? {} : { authorization: readAuthorization(authorizationFile) }),
    contract: {
      ...before,
      // A burst of before was meant for the bandwidth of before.
      ...(bandwidth === undefined ? {} : { bandwidth, burst: undefined }),
      ...(connections === undefined ? {} : { connections: Number.isNaN(+connections) ? connections : +connections }),
      ...(burst === undefined ? {} : { burst }),
      ...(traffic.length === 0 ? {} : { traffic: windows }),
    },
  };
}

function readAuthorization(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Stop(exitCodes.usage, `--authorization-file ${file}: ${(error as Error).message}`);
  }
}

function print(answer: unknown, name: string, { json }: ControlAddress): void {
  process.stdout.write(json ? `${JSON.stringify(answer, undefined, 2)}\n` : `${name} changed\n`);
}
