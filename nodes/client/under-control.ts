/** `sluice client` under control: any number of tasks, until it is stopped. */
import { join } from 'node:path';
import type { Hello } from '#nodes/protocol/from-node.ts';
import { linkOptions } from '../agent/link-options.ts';
import { NodeAgent } from '../agent/node-agent.ts';
import { hostPort, parseListen } from '../http/http-service.ts';
import { Pace } from '../http/pace.ts';
import { nodeLog } from '../log.ts';
import { rateOption } from '../origin/command.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import { ClientService } from './client-service.ts';
import { openClientTask } from './client-task.ts';
import type { ClientCommandOptions } from './command.ts';
import { printSummary } from './command.ts';
import type { NetworkCheck } from './network-check.ts';
import { NetworkWatch } from './network-watch.ts';
import type { ClientNode, ClientSettings } from './settings.ts';

export async function runUnderControl(
  options: ClientCommandOptions,
  settings: ClientSettings,
  listener: PeerListener,
  stopped: Promise<unknown>,
): Promise<number> {
  const onLog = nodeLog(options.logLevel);
  const watch = new NetworkWatch({
    port: listener.port,
    onChange(check) {
      onLog('the network as relays see it', check);
      // Control learns it from the next hello.
      agent.renew();
    },
  });
  const node: ClientNode = {
    directory: settings.directory,
    recordDirectory: settings.recordDirectory,
    listener,
    uploadPace: new Pace(settings.uploadBytesPerSecond),
    downlinkBytesPerSecond: settings.downlinkBytesPerSecond,
    uplinkBytesPerSecond: settings.uplinkBytesPerSecond,
    network: settings.network,
    isBlocked: settings.isBlocked,
    exchangesPeers: settings.exchangesPeers,
    onRelays: (urls) => watch.know(urls),
    hook: options.onComplete,
    onComplete(path, summary) {
      process.stdout.write(options.json ? `${JSON.stringify({ path, ...summary })}\n` : printSummary(path, summary));
    },
    onLog,
  };
  const link = linkOptions(options);
  // The card's speed says little of the way behind it: control hears what the operator has said.
  const uplink = Math.min(rateOption(options.uplink), settings.uploadBytesPerSecond);
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
      peerToPeer: peerToPeerOf(node.isBlocked, watch.check),
      ...(settings.downlinkBytesPerSecond < Infinity
        ? { downlinkBytesPerSecond: Math.floor(settings.downlinkBytesPerSecond) }
        : {}),
      ...(uplink < Infinity ? { uplinkBytesPerSecond: Math.floor(uplink) } : {}),
    }),
    open: (assignment, tell) => openClientTask(assignment, node, { link, stateDirectory }, tell),
    onLog,
  });
  const service = await openService(options.listen, agent);
  await agent.start();
  await stopped;
  watch.close();
  await agent.close();
  await service?.close();
  listener.close();
  return 0;
}

async function openService(address: string | undefined, agent: NodeAgent): Promise<ClientService | undefined> {
  if (address === undefined) return undefined;
  const service = new ClientService(() => ({
    isDraining: agent.isClosing,
    isConnected: agent.isConnected,
    tasks: [...agent.tasks.values()].flatMap(({ task }) => (task === undefined ? [] : [task.progress()])),
  }));
  process.stdout.write(`http://${hostPort(await service.listen(parseListen(address)))}/\n`);
  return service;
}

/** As far as it is known when the node says hello: at first not at all, later what relays saw. */
function peerToPeerOf(isBlocked: boolean, check: NetworkCheck | undefined): Hello['peerToPeer'] {
  if (isBlocked) return 'blocked';
  if (check?.reachable === undefined) return 'unknown';
  return check.reachable ? 'allowed' : 'outgoing-only';
}
