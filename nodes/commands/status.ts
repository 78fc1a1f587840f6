/** `sluice status [TASK] [--watch]`: progress by source, clients by state, use of the contract. */
import { setTimeout as wait } from 'node:timers/promises';
import type { LiveState, LiveTask } from '#nodes/protocol/live.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { type ControlAddress, type ControlClient, withControl } from './control-client.ts';

export interface StatusOptions extends ControlAddress {
  watch?: boolean;
}

const watchMilliseconds = 1_000;

export async function statusCommand(task: string | undefined, options: StatusOptions): Promise<number> {
  return withControl(options, async (control) => {
    if (options.watch) return watch(control, task, options);
    return show(control, task, options);
  });
}

async function show(control: ControlClient, task: string | undefined, { json }: StatusOptions): Promise<void> {
  if (task === undefined) {
    const state = await control.ask<LiveState>('GET', '/api/state');
    process.stdout.write(json ? `${JSON.stringify(state, undefined, 2)}\n` : `${stateLines(state).join('\n')}\n`);
    return;
  }
  const path = `/api/tasks/${encodeURIComponent(task)}`;
  const one = await control.ask<LiveTask>('GET', json ? `${path}/report` : path);
  process.stdout.write(json ? `${JSON.stringify(one, undefined, 2)}\n` : `${taskLines(one).join('\n')}\n`);
}

/**
 * Until the task is over; a line per second in a pipe, in place on a terminal. Answers 1 if a client failed, as scripts
 * wait for the end by it.
 */
async function watch(control: ControlClient, task: string | undefined, { json }: StatusOptions): Promise<number> {
  let lineCount = 0;
  for (;;) {
    const state = await control.ask<LiveState>('GET', '/api/state');
    const tasks = state.tasks.filter((one) => task === undefined || one.task === task);
    if (tasks.length === 0 && task !== undefined) throw new Stop(exitCodes.failure, `there is no task "${task}"`);
    const lines = task === undefined ? stateLines(state) : tasks.flatMap(taskLines);
    if (json) process.stdout.write(`${JSON.stringify(task === undefined ? state : tasks[0])}\n`);
    else if (process.stdout.isTTY) {
      if (lineCount > 0) process.stdout.write(`\x1b[${lineCount}A\x1b[J`);
      process.stdout.write(`${lines.join('\n')}\n`);
      lineCount = lines.length;
    } else process.stdout.write(`${tasks.map(oneLine).join('\n')}\n`);
    const isOver = tasks.every(
      ({ state: now, clients: { failed, total } }) =>
        now === 'complete' || now === 'cancelled' || (total > 0 && failed === total),
    );
    if (task !== undefined && isOver) {
      return tasks.some(({ clients, problem }) => clients.failed > 0 || problem !== undefined)
        ? exitCodes.failure
        : exitCodes.ok;
    }
    await wait(watchMilliseconds);
  }
}

export function taskLines(task: LiveTask): string[] {
  const { clients, received } = task;
  const states = Object.entries(clients).filter(([state, count]) => state !== 'total' && count > 0);
  const total = received.origin + received.relay + received.peer;
  const part = (bytes: number) =>
    `${formatBytes(bytes)}${total === 0 ? '' : ` (${Math.round((100 * bytes) / total)} %)`}`;
  const open = Object.entries(task.fallbackOpen).filter(([, count]) => count > 0);
  const { estimatedFinishMilliseconds: estimate } = task;
  return [
    `${task.task}  ${task.name}  ${formatBytes(task.sizeBytes)}  ${task.state}`,
    ...(task.problem === undefined ? [] : [`  problem   ${task.problem}`]),
    `  progress  ${progress(task)}, ${formatRate(task.receiveBytesPerSecond.total)}` +
      `${estimate === undefined ? '' : `, estimated ${formatSeconds(estimate / 1000)} in all`}`,
    `  clients   ${clients.total}: ${states.map(([state, count]) => `${count} ${state}`).join(', ') || 'none yet'}`,
    `  received  origin ${part(received.origin)}, relays ${part(received.relay)}, peers ${part(received.peer)}`,
    `  relays    ${task.relays}, pulled ${formatBytes(task.originToRelayBytes)} from the origin`,
    ...(open.length === 0 ? [] : [`  HTTP      ${open.map(([why, count]) => `${count} ${why}`).join(', ')}`]),
  ];
}

function oneLine(task: LiveTask): string {
  const { clients, received } = task;
  const sources = `origin ${formatBytes(received.origin)}, relays ${formatBytes(received.relay)}`;
  const whole = clients.complete + clients.seeding;
  return (
    `${task.task}  ${task.state}  ${progress(task)}  ${formatRate(task.receiveBytesPerSecond.total)}  ` +
    `${whole} of ${clients.total} done, ${clients.failed} failed  ${sources}, peers ${formatBytes(received.peer)}`
  );
}

function progress({ verifiedBytes, sizeBytes, clients }: LiveTask): string {
  const wanted = sizeBytes * clients.total;
  return wanted === 0 ? '0 %' : `${((100 * verifiedBytes) / wanted).toFixed(1)} %`;
}

function stateLines(state: LiveState): string[] {
  const nodes = state.nodes.map(({ role, enrolled, connected }) => `${connected} of ${enrolled} ${role}s connected`);
  const origins = state.origins.map(({ origin, limit, granted, used, paused }) => {
    const of = (value: number | undefined) => (value === undefined ? 'unlimited' : formatRate(value));
    return (
      `origin ${origin}${paused ? ' (paused)' : ''}  ${granted.connections} of ${limit.connections ?? 'unlimited'} ` +
      `connections, ${formatRate(granted.bytesPerSecond)} of ${of(limit.bytesPerSecond)} leased, ` +
      `${formatBytes(used.totalBytes)} taken`
    );
  });
  return [nodes.join(', '), ...origins, ...state.tasks.flatMap(taskLines)];
}
