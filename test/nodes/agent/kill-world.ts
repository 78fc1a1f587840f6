/**
 * An origin, control, a relay and a client as processes, of which one after the other is killed at random moments of
 * a distribution. What leaves the origin and the relay is counted against what the file has.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok } from 'uvu/assert';
import { Prng } from '#core/prng.ts';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import type { Audit } from '#nodes/http/connection-limits.ts';
import { auditPath } from '#nodes/origin/origin-server.ts';
import { type ControlWorld, freePort, inWorld } from '../control/control-world.ts';
import { type Running, until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

export const killed = ['client', 'relay', 'control'] as const;
export type Killed = (typeof killed)[number];

export interface KillWorld {
  seed: number;
  sizeBytes: number;
  /** Of the origin, and of what the client may receive. */
  bytesPerSecond: number;
  /** One after another: who. */
  kills: Killed[];
  /** After each, before the next: at most. */
  pauseSecondsMax: number;
  hasManifest: boolean;
}

const pieceLengthBytes = 65_536;
/** Of a file of this size whose pieces nobody has named. */
const pieceLengthUnnamedBytes = 1024 * 1024;
const originConnections = 4;
/** A manifest, heads of answers, control's looks. */
const besideBytes = 200_000;

export async function killWorld(world: KillWorld): Promise<string> {
  let says = '';
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const bytes = content(world.sizeBytes, world.seed);
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      if (world.hasManifest) writeFileSync(`${path}.manifest`, printManifest(await manifestOf(path, pieceLengthBytes)));
      const server = start(['origin', directory, '--listen', '127.0.0.1:0']);
      const [origin] = await server.prints(/http:\S+(?=\/)/);
      await inWorld(
        (control) =>
          distribution({ ...world, directory, bytes, origin, control, start }).then((text) => {
            says = text;
          }),
        ['--lease', '2s', '--report-every', '1s'],
      );
    });
  });
  return says;
}

interface Started extends KillWorld {
  directory: string;
  bytes: Buffer;
  origin: string;
  control: ControlWorld;
  start: (given: string[], environment?: NodeJS.ProcessEnv) => Running;
}

async function distribution(world: Started): Promise<string> {
  const { control, origin, directory, bytes, start, bytesPerSecond } = world;
  const contract = { connections: originConnections, bandwidth: `${bytesPerSecond}B/s`, burst: '512KiB' };
  is((await control.ask('PUT', '/api/origins/main', { url: origin, contract })).status, 200);
  const http = `127.0.0.1:${await freePort()}`;
  const peers = `127.0.0.1:${await freePort()}`;
  const tokens = { relay: await control.enrol('relay', 'r1'), client: await control.enrol('client', 'c1') };
  const run = (role: 'relay' | 'client', more: string[]): Running => {
    const given = [role, '--control', control.url, '--dir', join(directory, role), '--listen-peers', ...more];
    return start(given, { SLUICE_TOKEN: tokens[role] });
  };
  const begin = {
    relay: () => run('relay', [peers, '--listen', http, '--bandwidth', `${bytesPerSecond}B/s`]),
    client: () => run('client', ['127.0.0.1:0']),
  };
  const nodes = { relay: begin.relay(), client: begin.client() };
  await until('both are connected', async () => {
    const { nodes: known } = (await control.ask('GET', '/api/state')).body;
    return known.every(({ connected }: { connected: number }) => connected === 1);
  });
  const published = await control.ask('POST', '/api/tasks', { url: `${origin}/a.bin` });
  is(published.status, 201, JSON.stringify(published.body));
  const served = new Served(http);
  const isWhole = () => contentOf(join(directory, 'client/a.bin'))?.equals(bytes) === true;
  const prng = new Prng(world.seed, 'kills');
  const happened: string[] = [];
  for (const victim of world.kills) {
    await new Promise((resolve) => setTimeout(resolve, 300 + prng.below(world.pauseSecondsMax * 1000)));
    const wrong = contentOf(join(directory, 'client/a.bin'));
    ok(wrong === undefined || wrong.equals(bytes), 'a file that is not whole has its name');
    happened.push(isWhole() ? `${victim} (whole already)` : victim);
    await served.look();
    if (victim === 'control') {
      await control.stop('SIGKILL');
      await control.start();
    } else {
      await nodes[victim].stop('SIGKILL');
      if (victim === 'relay') served.restarted();
      nodes[victim] = begin[victim]();
    }
  }
  await until('the client has the file', isWhole, 120_000).catch((error: Error) => {
    throw new Error(`${error.message}\n${nodes.relay.stderr}\n${nodes.client.stderr}`);
  });
  await until('the task is complete', async () => {
    const { body } = await control.ask('GET', `/api/tasks/${published.body.task}`);
    return body.state === 'complete';
  });
  await served.look();
  return counted(world, served, happened);
}

/** Nothing comes twice but what was on its way when somebody was killed. */
async function counted(world: Started, served: Served, happened: string[]): Promise<string> {
  const { origin, bytes, kills, bytesPerSecond } = world;
  const audit = (await (await fetch(`${origin}${auditPath}`)).json()) as Audit;
  const count = (one: Killed) => kills.filter((kill) => kill === one).length;
  // A relay that was killed has lost what was on its way: one piece a connection.
  const inFlight = originConnections * (world.hasManifest ? pieceLengthBytes : pieceLengthUnnamedBytes);
  const fromOriginMax = bytes.length + besideBytes + count('relay') * inFlight;
  // Of a client: two seconds of what it receives, and what sockets held. A relay's death breaks off the same.
  const clientInFlight = 2 * bytesPerSecond + 512 * 1024;
  const fromRelayMax = bytes.length + besideBytes + (count('client') + count('relay')) * clientInFlight;
  const says =
    `seed ${world.seed}: killed ${happened.join(', ')}; ${bytes.length} bytes, ` +
    `${audit.sentBytes} from origin (at most ${fromOriginMax}), ${served.bytes} the relay (at most ${fromRelayMax})`;
  ok(audit.sentBytes <= fromOriginMax, says);
  ok(served.bytes <= fromRelayMax, says);
  return says;
}

/** What the relay has sent, over its restarts; what it sent between the last look and its end is not seen. */
class Served {
  readonly #address: string;
  #before = 0;
  #now = 0;

  constructor(address: string) {
    this.#address = address;
  }

  get bytes(): number {
    return this.#before + this.#now;
  }

  async look(): Promise<void> {
    const answer = await fetch(`http://${this.#address}/metrics`).catch(() => undefined);
    const text = (await answer?.text()) ?? '';
    const sums = [...text.matchAll(/^sluice_relay_(?:http|bittorrent)_sent_bytes (\d+)/gm)].map(([, value]) =>
      Number(value),
    );
    if (sums.length > 0) this.#now = sums.reduce((sum, value) => sum + value, 0);
  }

  restarted(): void {
    this.#before += this.#now;
    this.#now = 0;
  }
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Each as often, in an order by chance. */
export function killsOf(seed: number, each: number): Killed[] {
  const prng = new Prng(seed, 'order');
  const kills = killed.flatMap((one) => Array<Killed>(each).fill(one));
  const order = Int32Array.from(kills, (_, index) => index);
  prng.shuffle(order, order.length);
  return Array.from(order, (index) => kills[index]!);
}
