// test-time-limit: 300s
/**
 * The origin's contract on real sockets: fifty clients that can have the file from nobody but the origin, while control
 * is killed twice. What the origin saw is held against the contract over every interval.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { NodeAgent } from '#nodes/agent/node-agent.ts';
import { openClientTask } from '#nodes/client/client-task.ts';
import type { Audit } from '#nodes/http/connection-limits.ts';
import { Pace } from '#nodes/http/pace.ts';
import { auditPath } from '#nodes/origin/origin-server.ts';
import { PeerListener } from '#nodes/wire/peer-listener.ts';
import { type ControlWorld, inWorld } from '../control/control-world.ts';
import { until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/client/contract');
const clientCount = Number(process.env.SLUICE_TEST_CLIENTS ?? 50);
const contract = { connections: 8, bytesPerSecond: 8_000_000, burstBytes: 4_000_000 };
const bytes = content(2_000_000);

/** A client under control, in this process but on real sockets. It is known not to reach peers. */
async function client(world: ControlWorld, directory: string, name: string, onComplete: () => void) {
  const listener = new PeerListener();
  await listener.listen({ host: '127.0.0.1', port: 0 });
  const onLog = () => {};
  const node = {
    directory: join(directory, name),
    recordDirectory: undefined,
    listener,
    uploadPace: new Pace(),
    downlinkBytesPerSecond: Infinity,
    uplinkBytesPerSecond: Infinity,
    network: 'wired' as const,
    isBlocked: true,
    exchangesPeers: false,
    onRelays: () => {},
    hook: undefined,
    onComplete,
    onLog,
  };
  const token = await world.enrol('client', name);
  const link = { control: new URL(world.url), token, polling: 'never' as const };
  const stateDirectory = join(directory, name, '.sluice');
  const agent = new NodeAgent({
    link,
    stateDirectory,
    describe: () => ({ role: 'client', software: 'test', groups: [], network: 'wired', peerToPeer: 'blocked' }),
    open: (assignment, tell) => openClientTask(assignment, node, { link, stateDirectory }, tell),
    onLog,
  });
  await agent.start();
  return async () => {
    await agent.close();
    listener.close();
  };
}

/** The most by which what was sent within any interval is above rate · length + burst. */
function excessBytes({ steps }: Audit): number {
  // With S(t) = sent until t minus rate · t, the worst interval is the largest rise of S.
  let [sent, lowest, worst] = [0, 0, -Infinity];
  let before = steps[0]?.atMilliseconds ?? 0;
  for (const { atMilliseconds, sentBytes } of steps) {
    const earned = (contract.bytesPerSecond * before) / 1000;
    lowest = Math.min(lowest, sent - earned);
    sent += sentBytes;
    worst = Math.max(worst, sent - (contract.bytesPerSecond * atMilliseconds) / 1000 - lowest);
    before = atMilliseconds;
  }
  return worst - contract.burstBytes;
}

test(`${clientCount} clients fall back, control is killed twice: the origin sees its contract kept`, async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      writeFileSync(join(directory, 'a.bin'), bytes);
      const server = start(['origin', directory, '--listen', '127.0.0.1:0']);
      const [origin] = await server.prints(/http:\S+(?=\/)/);
      await inWorld(
        async (world) => {
          const { connections, burstBytes } = contract;
          const limits = { connections, bandwidth: '8MB/s', burst: `${burstBytes}B` };
          is((await world.ask('PUT', '/api/origins/main', { url: origin, contract: limits })).status, 200);
          let complete = 0;
          const names = Array.from({ length: clientCount }, (_, index) => `c${index}`);
          const closes = await Promise.all(names.map((name) => client(world, directory, name, () => void complete++)));
          const published = await world.ask('POST', '/api/tasks', { url: `${origin}/a.bin`, manifest: 'none' });
          is(published.status, 201, JSON.stringify(published.body));
          for (const part of [0.2, 0.5]) {
            await until(`${part} of the clients`, () => complete >= part * clientCount, 120_000);
            await world.stop('SIGKILL');
            await new Promise((resolve) => setTimeout(resolve, 1000));
            await world.start();
          }
          await until('all clients have the file', () => complete === clientCount, 200_000);
          for (const name of names) ok(readFileSync(join(directory, name, 'a.bin')).equals(bytes), name);
          const audit = (await (await fetch(`${origin}${auditPath}`)).json()) as Audit;
          // One connection is this audit's own.
          ok(audit.connectionsPeak <= connections + 1, `${audit.connectionsPeak} connections, ${connections} allowed`);
          const excess = excessBytes(audit);
          console.log(`${audit.connectionsPeak} connections at most, ${audit.sentBytes} bytes, ${-excess} below`);
          // Heads of answers are not payload: some hundred bytes for each 64 KiB.
          ok(excess <= 0.01 * audit.sentBytes, `${excess} bytes above the contract within some interval`);
          await Promise.all(closes.map((close) => close()));
        },
        ['--lease', '3s', '--report-every', '2s'],
      );
    });
  });
});

test.run();
