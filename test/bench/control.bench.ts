// test-time-limit: 600s
/**
 * A control server with many clients connected, over WebSockets on loopback: memory per client, time until a task has
 * reached and been taken by all, leases per second while all of them want the origin, and what of a processor each
 * costs. Clients speak through the node's own link and lease; the pace of dispatch is lifted.
 * SLUICE_BENCH_CLIENTS says how many.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OriginLease } from '#nodes/http/origin-lease.ts';
import { ControlLink } from '#nodes/link/control-link.ts';
import { type ControlWorld, CountingOrigin, helloOf, inWorld, until } from '../nodes/control/control-world.ts';
import { costOf, memoryOf, secondsOf } from './processes.ts';

const bench = suite('control');
const clientCount = Number(process.env.SLUICE_BENCH_CLIENTS ?? 10_000);
const leaseSeconds = 20;
/** At a time while they enrol and connect. */
const atOnce = 50;

/** What all clients have counted. */
const counts = { open: 0, tasks: 0, grants: 0 };

bench(`${clientCount} clients`, async () => {
  const origin = new CountingOrigin(1024 ** 3);
  const url = await origin.listen();
  const clients: Client[] = [];
  try {
    await inWorld(
      async (world) => {
        const contract = { connections: clientCount, bandwidth: '100GB/s', burst: '10GB' };
        await world.ask('PUT', '/api/origins/main', { url, contract });
        await connect(world, clients);
        await dispatch(world, url);
        await leases(world);
        for (const client of clients) client.end();
      },
      ['--dispatch', '1000000/s', '--log-level', 'warn', '--report-every', '10s'],
    );
  } finally {
    origin.close();
  }
});

async function connect(world: ControlWorld, clients: Client[]): Promise<void> {
  const fleet = await world.ask('POST', '/api/tokens', { permits: 'enrol-client', name: 'fleet', uses: clientCount });
  assert.is(fleet.status, 201, JSON.stringify(fleet.body));
  const tokens: string[] = [];
  const enrolled = await timed(world, () =>
    lanes(clientCount, async () => {
      const { body } = await world.ask('POST', '/nodes/v1/enrol', {}, fleet.body.token);
      tokens.push(body.token);
    }),
  );
  console.log(`enrolled: ${perSecond(clientCount, enrolled)}`);
  await pause(2);
  const before = memoryOf(world.process).residentBytes;
  const connected = await timed(world, async () => {
    await lanes(clientCount, async (index) => {
      clients.push(new Client(world.url, tokens[index]!));
      await until('it connects', () => clients.length - counts.open < atOnce, 60_000);
    });
    await until('all are connected', () => counts.open === clientCount, 60_000);
  });
  console.log(`connected: ${perSecond(clientCount, connected)}`);
  await pause(5);
  const { residentBytes, peakBytes } = memoryOf(world.process);
  const each = (residentBytes - before) / clientCount / 1024;
  console.log(
    `memory: ${mebibytes(residentBytes)} MiB (peak ${mebibytes(peakBytes)}), ${each.toFixed(1)} KiB a client`,
  );
}

async function dispatch(world: ControlWorld, url: string): Promise<void> {
  const told = await timed(world, async () => {
    const body = { url: `${url}/file.bin`, manifest: 'none' };
    assert.is((await world.ask('POST', '/api/tasks', body)).status, 201);
    await until('all have the task', () => counts.tasks >= clientCount, 120_000);
  });
  console.log(`dispatched to all: ${perSecond(clientCount, told)}`);
}

async function leases(world: ControlWorld): Promise<void> {
  await until('most have a lease', () => counts.grants >= clientCount, 60_000);
  const before = counts.grants;
  const held = await timed(world, () => pause(leaseSeconds));
  console.log(`leases granted: ${perSecond(counts.grants - before, held)}`);
  console.log(`memory at the end: ${mebibytes(memoryOf(world.process).peakBytes)} MiB at most`);
}

/** Takes every assignment and always wants the origin. */
class Client {
  readonly #link: ControlLink;
  readonly #lease = new OriginLease();
  #hasTask = false;

  constructor(url: string, token: string) {
    this.#link = new ControlLink({
      control: new URL(url),
      token,
      polling: 'never',
      hello: () => helloOf('client'),
      onOpen: () => counts.open++,
      onMessage: (message) => {
        if (message.kind === 'lease') {
          counts.grants++;
          this.#lease.receive(message.message);
        }
        if (message.kind !== 'task') return;
        const { task, revision, lease } = message.assignment;
        this.#link.send({ kind: 'acknowledge', task, revision, accepted: true });
        if (this.#hasTask) return;
        this.#hasTask = true;
        counts.tasks++;
        this.#lease.connect(lease, (said) => this.#link.send({ kind: 'lease', message: said }));
        this.#lease.want(1, 1_000_000);
      },
      onDown: () => counts.open--,
    });
    this.#link.start();
  }

  end(): void {
    void this.#lease.close();
    this.#link.close();
  }
}

async function timed(world: ControlWorld, work: () => Promise<void>): Promise<{ seconds: number; cpuSeconds: number }> {
  const [before, startedAt] = [secondsOf(costOf(world.process)), performance.now()];
  await work();
  return {
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: secondsOf(costOf(world.process)) - before,
  };
}

function perSecond(count: number, { seconds, cpuSeconds }: { seconds: number; cpuSeconds: number }): string {
  const each = ((cpuSeconds / count) * 1e6).toFixed(0);
  const rate = `${count} in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)}/s`;
  return `${rate}; ${cpuSeconds.toFixed(1)} CPU s, ${each} µs each`;
}

async function lanes(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
const pause = (seconds: number) => new Promise<void>((done) => setTimeout(done, seconds * 1000));

bench.run();
