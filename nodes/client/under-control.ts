/** `sluice client` under control: any number of tasks, until it is stopped. */
import { join } from 'node:path';
import type { Hello } from '#nodes/protocol/from-node.ts';
import { linkOptions } from '../agent/link-options.ts';
import { NodeAgent } from '../agent/node-agent.ts';
import { Pace } from '../http/pace.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import { openClientTask } from './client-task.ts';
import type { ClientCommandOptions } from './command.ts';
import { printSummary } from './command.ts';
import type { ClientNode, ClientSettings } from './settings.ts';

export async function runUnderControl(
  options: ClientCommandOptions,
  settings: ClientSettings,
  listener: PeerListener,
  stopped: Promise<unknown>,
): Promise<number> {
  const onLog = (text: string, detail: object) =>
    process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), says: text, ...detail })}\n`);
  const node: ClientNode = {
    directory: settings.directory,
    recordDirectory: settings.recordDirectory,
    listener,
    uploadPace: new Pace(settings.uploadBytesPerSecond),
    downlinkBytesPerSecond: settings.downlinkBytesPerSecond,
    uplinkBytesPerSecond: settings.uplinkBytesPerSecond,
    network: settings.network,
    isBlocked: settings.isBlocked,
    check: undefined,
    hook: options.onComplete,
    onComplete(path, summary) {
      process.stdout.write(options.json ? `${JSON.stringify({ path, ...summary })}\n` : printSummary(path, summary));
    },
    onLog,
  };
  const link = linkOptions(options);
  const stateDirectory = options.state ?? join(settings.directory, '.sluice');
  const agent = new NodeAgent({
    link,
    stateDirectory,
    describe: () => ({
      role: 'client',
      software: 'sluice',
      ...(options.region === undefined ? {} : { region: options.region }),
      groups: options.group,
      network: settings.network,
      peerToPeer: peerToPeerOf(node),
      ...(settings.downlinkBytesPerSecond < Infinity
        ? { downlinkBytesPerSecond: Math.floor(settings.downlinkBytesPerSecond) }
        : {}),
      ...(settings.uploadBytesPerSecond < Infinity
        ? { uplinkBytesPerSecond: Math.floor(settings.uploadBytesPerSecond) }
        : {}),
    }),
    open: (assignment, tell) => openClientTask(assignment, node, { link, stateDirectory }, tell),
    onLog,
  });
  await agent.start();
  await stopped;
  await agent.close();
  listener.close();
  return 0;
}

/** As far as it is known when the node says hello: at first not at all, later what relays saw. */
function peerToPeerOf({ isBlocked, check }: ClientNode): Hello['peerToPeer'] {
  if (isBlocked) return 'blocked';
  if (check?.reachable === undefined) return 'unknown';
  return check.reachable ? 'allowed' : 'outgoing-only';
}
