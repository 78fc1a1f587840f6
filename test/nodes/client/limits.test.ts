// test-time-limit: 90s
/** What an instruction promises and caps, on real sockets: shares of the sources, a speed floor, time-outs, retries. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { ClientCore } from '#core/client.ts';
import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';
import { Download, type DownloadSituation } from '#nodes/client/download.ts';
import { newPeerId } from '#nodes/client/stand-alone.ts';
import { machineSentBytes, UploadShare } from '#nodes/client/upload-share.ts';
import { manifestOf } from '#nodes/files/manifest.ts';
import { listen } from '#nodes/http/http-service.ts';
import { OriginLease } from '#nodes/http/origin-lease.ts';
import { Pace } from '#nodes/http/pace.ts';
import { originServer } from '#nodes/origin/origin-server.ts';
import { metainfoOf } from '#nodes/wire/metainfo.ts';
import { PeerListener } from '#nodes/wire/peer-listener.ts';
import { until } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/client/limits');
const bytes = content(6_000_000);
const pieceLength = 65_536;

interface World {
  /** The file at a server that counts as a relay. */
  url: string;
  open(name: string, change: Partial<DownloadSituation>, policy?: Policy, sendBytesPerSecond?: number): Promise<Opened>;
}

interface Opened {
  download: Download;
  port: number;
}

async function world(relayBytesPerSecond: number, work: (world: World) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const ends: (() => unknown)[] = [];
    const path = join(directory, 'a.bin');
    writeFileSync(path, bytes);
    const metainfo = metainfoOf(await manifestOf(path, pieceLength));
    const rates = { connectionsMax: 100, bytesPerSecond: relayBytesPerSecond, bytesPerSecondEach: Infinity };
    const { server } = originServer(directory, rates);
    const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
    ends.push(
      () => server.close(),
      () => server.closeAllConnections(),
    );
    const open: World['open'] = async (name, change, policy = hybrid, sendBytesPerSecond = Infinity) => {
      const listener = new PeerListener();
      await listener.listen({ host: '127.0.0.1', port: 0 });
      const lease = new OriginLease();
      const target = name === 'seed' ? directory : join(directory, name);
      mkdirSync(target, { recursive: true });
      const { sizeBytes, pieceLengthBytes, sha1 } = metainfo;
      const share = {
        directory: target,
        file: { name: 'a.bin', sizeBytes, pieceLengthBytes, hashes: { sha1 }, digest: undefined, identity: name },
        metainfo,
        policy,
        seed: 1,
        priorityPieces: [],
        sourcesMax: 4,
        listener,
        peerId: newPeerId(),
        uploadPaces: [new Pace(sendBytesPerSecond)],
        uploadSlots: 4,
        optimisticSlots: 1,
        kindOf: () => 'peer' as const,
      };
      const download = await Download.open(share, lease, {
        clientCount: 1,
        network: 'wired',
        expectedMilliseconds: Infinity,
        deadlineLeftMilliseconds: () => Infinity,
        downlinkBytesPerSecond: Infinity,
        uplinkBytesPerSecond: Infinity,
        cohort: { firstQuartileBytesPerSecond: 0, size: 0 },
        brake: 1,
        isBlocked: false,
        speedFloorBytesPerSecond: 0,
        shareMax: { origin: 1, relay: 1, peer: 1 },
        ...change,
      });
      ends.push(
        () => download.close(),
        () => lease.close(),
        () => listener.close(),
      );
      return { download, port: listener.port };
    };
    try {
      await work({ url: `http://127.0.0.1:${port}/a.bin`, open });
    } finally {
      for (const end of ends.reverse()) await end();
    }
  });
}

const relay = (url: string) => ({ kind: 'relay' as const, name: 'r1', file: { url, sizeBytes: bytes.length } });
const always: Policy = { ...hybrid, http: { ...hybrid.http, when: 'always' } };
const done = ({ download }: Opened) => until('it has the file', () => download.state === 'seeding', 40_000);

test('no more comes from relays, or from peers, than their share', async () => {
  await world(4_000_000, async ({ url, open }) => {
    const seed = await open('seed', {}, hybrid, 1_000_000);
    const half = { origin: 1, relay: 0.25, peer: 1 };
    const byRelay = await open('one', { shareMax: half }, always);
    byRelay.download.share.swarm!.know('127.0.0.1', seed.port);
    byRelay.download.useSources([relay(url)]);
    await done(byRelay);
    const { received } = byRelay.download.summary().counts;
    const share = received.relay / bytes.length;
    ok(share > 0.05 && share < 0.27, `${share} of it came from the relay, where a quarter may`);
  });
  await world(500_000, async ({ url, open }) => {
    const seed = await open('seed', {}, hybrid);
    const few = await open('one', { shareMax: { origin: 1, relay: 1, peer: 0 } }, always);
    few.download.share.swarm!.know('127.0.0.1', seed.port);
    few.download.useSources([relay(url)]);
    await until('it is connected and under way', () => few.download.summary().peers > 0);
    await done(few);
    is(few.download.summary().counts.received.peer, 0);
  });
});

test('below the promised speed HTTP helps, and more than its share if need be', async () => {
  const calm: Policy = {
    ...hybrid,
    fallback: { ...hybrid.fallback, adaptive: false, threshold: 1000, hold: 1000, triggers: ['slow'] },
  };
  await world(Infinity, async ({ url, open }) => {
    const seed = await open('seed', {}, hybrid, 150_000);
    const shareMax = { origin: 1, relay: 0.1, peer: 1 };
    const promised = await open('one', { shareMax, speedFloorBytesPerSecond: 900_000 }, calm);
    promised.download.share.swarm!.know('127.0.0.1', seed.port);
    promised.download.useSources([relay(url)]);
    const startedAt = performance.now();
    await done(promised);
    const seconds = (performance.now() - startedAt) / 1000;
    const { counts, fallbackOpened } = promised.download.summary();
    ok(fallbackOpened.slow > 0, 'it is slower than promised');
    ok(seconds < 25, `${seconds} s; the peer alone takes 40 s`);
    ok(counts.received.relay > 0.1 * bytes.length, JSON.stringify(counts));
  });
});

test('a server that never answers fails after the time-out, and is left alone after its retries', async () => {
  const silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  await world(Infinity, async ({ open }) => {
    const patient = { ...always.http, backoffFirst: 10, backoffMax: 20, connections: 1 };
    const waits = await open('one', { isBlocked: true }, { ...always, http: patient });
    const { download } = waits;
    download.http.timeoutMilliseconds = 300;
    download.http.retries = 1;
    const failures: { leftAlone?: boolean }[] = [];
    download.onLog = (text, detail) => {
      if (text === 'a range failed') failures.push(detail);
    };
    const startedAt = performance.now();
    download.useSources([relay(`http://127.0.0.1:${port}/a.bin`)]);
    await until('it is left alone', () => failures.some(({ leftAlone }) => leftAlone === true), 20_000);
    is(failures.length, 2, 'a first time and one retry');
    ok(performance.now() - startedAt < 8000, 'long before the usual patience is over');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    is(failures.length, 2, 'not asked again');
  });
  silent.close();
});

test('a seed takes what is free of the uplink, and makes room for the machine', async () => {
  const core = new ClientCore({
    seed: 1,
    file: { sizeBytes: 1000, pieceLengthBytes: 1000 },
    policy: hybrid,
    neighboursMax: 1,
    sourcesMax: 1,
    priorityPieces: [],
  });
  let machine = 0;
  let sent = 0;
  const share = new UploadShare(core, 1_000_000, () => machine);
  const seconds = (count: number, others: number, isSeed = true) => {
    for (let second = 0; second < count; second++) {
      const byUs = Math.min(share.bytesPerSecond, 1_000_000 - others);
      sent += byUs;
      machine += byUs + others;
      at += 1000;
      share.second(sent, isSeed, at);
    }
  };
  let at = 0;
  seconds(3, 0, false);
  is(share.bytesPerSecond, Infinity, 'while it downloads, tit for tat decides');
  seconds(30, 0);
  is(share.bytesPerSecond, 800_000, 'the ceiling');
  seconds(30, 700_000);
  ok(share.bytesPerSecond <= 270_000 && share.bytesPerSecond >= 100_000, `${share.bytesPerSecond} beside the machine`);
  seconds(40, 0);
  is(share.bytesPerSecond, 800_000);
  const figures =
    'face |bytes\n  lo: 9 0 0 0 0 0 0 0 77 0\n eth0:5 0 0 0 0 0 0 0 1200 3 0\n eth1: 1 0 0 0 0 0 0 0 34 3 0\n';
  is(
    machineSentBytes(() => figures),
    1234,
  );
  is(
    machineSentBytes(() => {
      throw new Error('no such file');
    }),
    undefined,
  );
});

test('the share of the uplink holds on the wire', async () => {
  await world(Infinity, async ({ open }) => {
    const seed = await open('seed', { uplinkBytesPerSecond: 2_000_000 });
    await until('its share is set', () => seed.download.share.options.uploadPaces.at(-1)!.bytesPerSecond < Infinity);
    const leech = await open('one', {});
    leech.download.share.swarm!.know('127.0.0.1', seed.port);
    const startedAt = performance.now();
    await done(leech);
    const seconds = (performance.now() - startedAt) / 1000;
    // 6 MB at 1.6 MB/s, the ceiling, at most.
    ok(seconds > 3.3, `${seconds} s`);
  });
});

test.run();
