/** An origin, control, relays and clients as processes, and a file that has no manifest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Audit } from '#nodes/http/connection-limits.ts';
import { auditPath } from '#nodes/origin/origin-server.ts';
import { type ControlWorld, freePort, inWorld } from '../control/control-world.ts';
import { type Running, until, withProcesses } from '../running.ts';
import { inDirectory } from '../temporary.ts';

export interface GrowingWorld {
  directory: string;
  /** Where the origin's file lies. */
  path: string;
  origin: string;
  control: ControlWorld;
  start(given: string[], environment?: NodeJS.ProcessEnv): Running;
  /** Starts a node; the same name again is the same node. */
  node(role: 'relay' | 'client', name: string, more?: string[]): Promise<Running>;
  connected(count: number): Promise<void>;
  publish(more?: object): Promise<string>;
  task(id: string): Promise<{ state: string; problem?: string; clients: Record<string, number> }>;
  sentByOrigin(): Promise<number>;
  /** A node's directory. */
  of(name: string): string;
}

export interface GrowingOptions {
  /** Of the contract. */
  bandwidth?: string;
  connections?: number;
  originUrl?: (directory: string) => Promise<string>;
}

export async function inGrowingWorld(
  bytes: Buffer,
  work: (world: GrowingWorld) => Promise<void>,
  { bandwidth = '4MB/s', connections = 2, originUrl }: GrowingOptions = {},
): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      const origin = await (originUrl?.(directory) ?? startOrigin(start, directory));
      await inWorld(
        async (control) => {
          // Few connections: pieces then come one after the other and not all at the end.
          const contract = { connections, bandwidth, burst: '512KiB' };
          await control.ask('PUT', '/api/origins/main', { url: origin, contract });
          await work(worldOf(directory, path, origin, control, start));
        },
        ['--lease', '2s', '--report-every', '1s'],
      );
    });
  });
}

async function startOrigin(start: GrowingWorld['start'], directory: string): Promise<string> {
  const server = start(['origin', directory, '--listen', '127.0.0.1:0']);
  return (await server.prints(/http:\S+(?=\/)/))[0];
}

function worldOf(
  directory: string,
  path: string,
  origin: string,
  control: ControlWorld,
  start: GrowingWorld['start'],
): GrowingWorld {
  const tokens = new Map<string, string>();
  const ports = new Map<string, string[]>();
  const of = (name: string) => join(directory, name);
  return {
    directory,
    path,
    origin,
    control,
    start,
    of,
    async node(role, name, more = []) {
      if (!tokens.has(name)) {
        tokens.set(name, await control.enrol(role, name));
        ports.set(name, [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]);
      }
      const [http, peers] = ports.get(name)!;
      const listen = role === 'relay' ? ['--listen', http!] : [];
      const given = [role, '--control', control.url, '--dir', of(name), '--listen-peers', peers!, ...listen, ...more];
      return start(given, { SLUICE_TOKEN: tokens.get(name)! });
    },
    async connected(count) {
      await until(`${count} nodes are connected`, async () => {
        const { nodes } = (await control.ask('GET', '/api/state')).body;
        return nodes.reduce((sum: number, one: { connected: number }) => sum + one.connected, 0) === count;
      });
    },
    async publish(more = {}) {
      const { status, body } = await control.ask('POST', '/api/tasks', { url: `${origin}/a.bin`, ...more });
      if (status !== 201) throw new Error(JSON.stringify(body));
      return body.task;
    },
    async task(id) {
      return (await control.ask('GET', `/api/tasks/${id}`)).body;
    },
    async sentByOrigin() {
      return ((await (await fetch(`${origin}${auditPath}`)).json()) as Audit).sentBytes;
    },
  };
}

export function isWhole(path: string, bytes: Buffer): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

/** From a record: when each piece was verified, in milliseconds since 1970. */
export function arrivals(path: string): Map<number, number> {
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const startedAt = Date.parse(JSON.parse(head!).startedAt);
  const found = new Map<number, number>();
  for (const line of lines) {
    const { at, input } = JSON.parse(line);
    if (input[0] === 'arrived') found.set(input[1], startedAt + at);
  }
  return found;
}
