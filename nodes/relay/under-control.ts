/** `sluice relay` under control: it pulls and serves what control assigns to it, until it is stopped. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hello, RelayStatus } from '#nodes/protocol/from-node.ts';
import type { linkOptions } from '../agent/link-options.ts';
import { NodeAgent } from '../agent/node-agent.ts';
import { diskFreeBytes, evictions } from './disk-budget.ts';
import { openRelayTask, type RelayNode, type RelayTask } from './relay-task.ts';
import { SafeShares } from './safe-shares.ts';

export interface ControlledRelay {
  node: Omit<RelayNode, 'makeRoom' | 'safeShares'>;
  connectionsMax: number;
  sendBytesPerSecondMax: number;
  diskBudgetBytes: number;
  region: string | undefined;
  groups: string[];
  uplinkBytesPerSecond: number;
}

/** Where no limit was set: what one process serves. */
const connectionsUnlimited = 10_000;
const drainMilliseconds = 5000;

export async function runUnderControl(
  relay: ControlledRelay,
  link: ReturnType<typeof linkOptions>,
  stopped: Promise<unknown>,
): Promise<number> {
  const { server, listener } = relay.node;
  const tasks = new Map<string, RelayTask>();
  const stateDirectory = join(relay.node.directory, '.sluice');
  let freeBytes = await diskFreeBytes(relay.node.directory);
  const node: RelayNode = {
    ...relay.node,
    makeRoom: (bytes) => makeRoom(relay, tasks, bytes),
    safeShares: new SafeShares(),
  };
  let sentBefore = 0;
  let sendRate = 0;
  const timer = setInterval(async () => {
    const sent = [...tasks.values()].reduce((sum, task) => {
      const { http, bittorrent } = task.progress().sent;
      return sum + http + bittorrent;
    }, 0);
    sendRate += 0.2 * (Math.max(0, sent - sentBefore) - sendRate);
    sentBefore = sent;
    freeBytes = await diskFreeBytes(relay.node.directory).catch(() => 0);
  }, 1000);
  const status = (): RelayStatus => {
    const byConnections = server.audit.connections / Math.min(relay.connectionsMax, connectionsUnlimited);
    const byBandwidth = sendRate / relay.sendBytesPerSecondMax;
    return {
      kind: 'relay-status',
      connections: server.audit.connections,
      sendBytesPerSecond: Math.round(sendRate),
      loadRatio: Math.min(1, Math.max(byConnections, byBandwidth)),
      diskFreeBytes: freeBytes,
      draining: server.isDraining,
    };
  };
  const agent = new NodeAgent({
    link,
    stateDirectory,
    describe: () => describe(relay),
    async open(assignment, tell) {
      const task = await openRelayTask(assignment, node, { link, stateDirectory }, tell);
      tasks.set(assignment.task, task);
      return task;
    },
    status,
    onLog: relay.node.onLog,
  });
  await agent.start();
  await stopped;
  clearInterval(timer);
  await Promise.all([server.close(drainMilliseconds), agent.close()]);
  listener.close();
  return 0;
}

function describe({
  node,
  connectionsMax,
  sendBytesPerSecondMax,
  region,
  groups,
  uplinkBytesPerSecond,
}: ControlledRelay): Omit<Hello, 'kind' | 'protocol' | 'incarnation' | 'tasks'> {
  const { server, listener, host } = node;
  return {
    role: 'relay',
    software: 'sluice',
    ...(region === undefined ? {} : { region }),
    groups,
    network: 'wired',
    peerToPeer: 'allowed',
    ...(uplinkBytesPerSecond < Infinity ? { uplinkBytesPerSecond: Math.floor(uplinkBytesPerSecond) } : {}),
    relay: {
      httpUrl: server.baseUrl,
      peer: { host, port: listener.port },
      trackers: [`${server.baseUrl}/announce`],
      connectionsMax: Math.min(connectionsMax, connectionsUnlimited),
      ...(sendBytesPerSecondMax < Infinity ? { sendBytesPerSecondMax: Math.floor(sendBytesPerSecondMax) } : {}),
    },
  };
}

/** Evicts what may go until `bytes` more fit. */
async function makeRoom(relay: ControlledRelay, tasks: Map<string, RelayTask>, bytes: number): Promise<boolean> {
  const { directory } = relay.node;
  const held = [...tasks].flatMap(([task, { file, lastServedAt, isOver }]) =>
    file === undefined ? [] : [{ task, sizeBytes: file.sizeBytes, lastServedAt, mayGo: isOver }],
  );
  const chosen = evictions(held, bytes, relay.diskBudgetBytes, await diskFreeBytes(directory));
  if (chosen === undefined) return false;
  for (const task of chosen) {
    relay.node.onLog('evicted, to make room', { task });
    await tasks.get(task)?.discard();
    tasks.delete(task);
    await rm(join(directory, task), { recursive: true, force: true });
  }
  return true;
}
