/**
 * Clients that all want the origin, under leases of a control server that is killed and started again, and an origin
 * that writes down what it sees: the contract on real sockets.
 */
import { Agent, request } from 'undici';
import * as assert from 'uvu/assert';
import { OriginLease } from '#nodes/http/origin-lease.ts';
import { type ControlWorld, CountingOrigin, inWorld, TestNode, until } from './control-world.ts';

export interface LeaseWorldOptions {
  clients: number;
  connections: number;
  bytesPerSecond: number;
  burstBytes: number;
  /** One after another: what happens to control, after how long. */
  course: { afterSeconds: number; signal: 'SIGKILL' | 'SIGTERM' }[];
  /** And then. */
  lastSeconds: number;
}

const sizeBytes = 1024 ** 3;
/** Between a request's leaving and its being written down, on a busy machine. */
const jitterSeconds = 0.25;
/** Longer than a restart takes: leases of before are in use when control comes back. */
const ttlSeconds = 10;

export async function leaseWorld(options: LeaseWorldOptions): Promise<string> {
  const { clients, connections, bytesPerSecond, burstBytes } = options;
  const origin = new CountingOrigin(sizeBytes);
  const url = await origin.listen();
  const holders: Holder[] = [];
  try {
    await inWorld(
      async (world) => {
        const contract = { connections, bandwidth: `${bytesPerSecond}B/s`, burst: `${burstBytes}B` };
        await world.ask('PUT', '/api/origins/main', { url, contract });
        for (let index = 0; index < clients; index++) holders.push(await Holder.enrolled(world, `c${index}`));
        const body = { url: `${url}/file.bin`, manifest: 'none' };
        assert.is((await world.ask('POST', '/api/tasks', body)).status, 201);
        await until('somebody is served', () => origin.bytes > 0);
        for (const { afterSeconds, signal } of options.course) {
          await seconds(afterSeconds);
          await world.stop(signal);
          await world.start();
        }
        // Leases of before may all have lapsed meanwhile; then nobody gets another until control knows that they have.
        const servedBefore = origin.bytes;
        await until('after the last start somebody is served', () => origin.bytes > servedBefore, 60_000);
        await seconds(options.lastSeconds);
      },
      ['--lease', `${ttlSeconds}s`, '--log-level', 'warn'],
    );
  } finally {
    for (const holder of holders) await holder.end();
    origin.close();
  }
  const excess = origin.excessBytes(bytesPerSecond);
  const served = holders.filter(({ receivedBytes }) => receivedBytes > 0).length;
  const says =
    `${clients} clients, ${served} served, ${origin.bytes} bytes in ${origin.events.length} ranges; ` +
    `connections ${origin.connectionsMax} of ${connections}; above the rate ${Math.round(excess)} of ${burstBytes}`;
  assert.ok(origin.connectionsMax <= connections, says);
  assert.ok(excess <= burstBytes + bytesPerSecond * jitterSeconds, says);
  return says;
}

const seconds = (count: number) => new Promise((done) => setTimeout(done, count * 1000));

/** A client that does nothing but fetch from the origin, as fast as its lease allows. */
class Holder {
  receivedBytes = 0;
  readonly #node: TestNode;
  readonly #lease = new OriginLease();
  #isEnding = false;
  #work: Promise<void> = Promise.resolve();

  static async enrolled(world: ControlWorld, name: string): Promise<Holder> {
    return new Holder(new TestNode(world.url, 'client', name, await world.enrol('client', name)));
  }

  constructor(node: TestNode) {
    this.#node = node;
    node.onMessage = (message) => {
      if (message.kind === 'lease') this.#lease.receive(message.message);
      if (message.kind !== 'task' || message.assignment.revision > 1) return;
      const { lease, file } = message.assignment;
      this.#lease.connect(lease, (said) => node.send({ kind: 'lease', message: said }));
      this.#lease.want(1, 1_000_000);
      this.#work = this.#fetch(file.url);
    };
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#lease.close();
    await this.#work;
    this.#node.link.close();
  }

  async #fetch(url: string): Promise<void> {
    while (!this.#isEnding) {
      const stop = new AbortController();
      const agent = new Agent({ connections: 1, pipelining: 1 });
      const release = this.#lease.openSlot(() => stop.abort());
      if (release === null) {
        await new Promise((done) => setTimeout(done, 20));
        continue;
      }
      try {
        while (!this.#isEnding && !stop.signal.aborted) await this.#range(url, agent, stop.signal);
      } catch {
        // The lease ended in the middle of a range.
      }
      await agent.destroy();
      release();
    }
  }

  async #range(url: string, dispatcher: Agent, signal: AbortSignal): Promise<void> {
    const covered = await this.#lease.take(256 * 1024, signal);
    if (covered === null) throw new Error('the lease has ended');
    try {
      const headers = { range: `bytes=0-${covered.bytes - 1}` };
      const { body } = await request(url, { headers, dispatcher, signal });
      for await (const chunk of body) {
        this.receivedBytes += chunk.length;
        covered.arrived(chunk.length);
      }
    } finally {
      covered.giveUp();
    }
  }
}
