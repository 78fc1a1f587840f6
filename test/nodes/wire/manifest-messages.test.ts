/** Signed hashes between peers over real sockets: they spread, and whoever sends what is wrong is parted from. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { hybrid } from '#core/policies.ts';
import { Growth } from '#nodes/files/growth.ts';
import { newSigningKey, type SigningKey, signBatch } from '#nodes/files/hash-batch.ts';
import { Share } from '#nodes/files/share.ts';
import { MalformedInput } from '#nodes/wire/bencode.ts';
import { connectTo } from '#nodes/wire/connection.ts';
import type { GuardedWire } from '#nodes/wire/guarded-wire.ts';
import { chainsMax, decodeHashMessage, encodeHashMessage, type HashMessage } from '#nodes/wire/manifest-messages.ts';
import { PeerListener } from '#nodes/wire/peer-listener.ts';
import { until } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/wire/manifest-messages');
const pieceLengthBytes = 65_536;
const bytes = content(10 * pieceLengthBytes);
const swarm = '07'.repeat(20);
const control = newSigningKey();
const hex = ({ key }: SigningKey) => Buffer.from(key).toString('hex');
const file = { name: 'a.bin', sizeBytes: bytes.length, pieceLengthBytes };

interface Node {
  growth: Growth;
  share: Share;
  listener: PeerListener;
  log: string[];
}

async function node(directory: string, isRelay: boolean): Promise<Node> {
  const options = { path: `${directory}/a.bin`, swarm, controlKey: hex(control), pieceCount: 10, appointments: [] };
  const growth = await Growth.open({ ...options, isRelay, file });
  const listener = new PeerListener();
  await listener.listen({ host: '127.0.0.1', port: 0 });
  const share = await Share.open({
    directory,
    file: { ...file, identity: swarm, growth },
    metainfo: null,
    growth,
    policy: hybrid,
    seed: 1,
    priorityPieces: [],
    sourcesMax: 1,
    listener,
    peerId: Buffer.from(`-test-${listener.port}`.padEnd(20, '0')),
    uploadPaces: [],
    uploadSlots: 4,
    optimisticSlots: 1,
    kindOf: () => 'peer',
  });
  const log: string[] = [];
  share.swarm!.onLog = (text, detail) => log.push(`${text} ${JSON.stringify(detail)}`);
  growth.onBatch = () => share.tellPeers();
  return { growth, share, listener, log };
}

async function withNodes(count: number, work: (nodes: Node[]) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const nodes = await Promise.all(
      Array.from({ length: count }, (_, index) => node(`${directory}/${index}`, index === 0)),
    );
    const appointments = [{ key: nodes[0]!.growth.key!, firstPiece: 0, endPiece: 10 }];
    for (const { growth } of nodes) growth.appoint(appointments);
    try {
      await work(nodes);
    } finally {
      for (const { share, listener } of nodes) {
        await share.close();
        listener.close();
      }
    }
  });
}

const pieceAt = (piece: number) => bytes.subarray(piece * pieceLengthBytes, (piece + 1) * pieceLengthBytes);

test('hashes spread over peers that never met their signer; late comers get them all', async () => {
  await withNodes(3, async ([signer, middle, last]) => {
    middle!.share.swarm!.know('127.0.0.1', signer!.listener.port);
    for (const piece of [0, 1, 2]) is(await signer!.growth.isRight(piece, pieceAt(piece)), true);
    await until('the middle one knows', () => middle!.growth.manifest.knownCount === 3);
    last!.share.swarm!.know('127.0.0.1', middle!.listener.port);
    await until('the last one knows', () => last!.growth.manifest.knownCount === 3);
    const startedAt = performance.now();
    await Promise.all([3, 4, 5].map((piece) => signer!.growth.isRight(piece, pieceAt(piece))));
    await until('both know more', () => last!.growth.manifest.knownCount === 6);
    ok(performance.now() - startedAt < 1000);
    equal(last!.growth.manifest.sha256, signer!.growth.manifest.sha256);
    // Three pieces at one moment are one batch.
    equal(last!.growth.manifest.held, [4]);
  });
});

test('a piece waits for its hash, and is then held against it', async () => {
  await withNodes(2, async ([signer, other]) => {
    const verdicts = [other!.growth.isRight(7, pieceAt(7)), other!.growth.isRight(7, pieceAt(8))];
    other!.share.swarm!.know('127.0.0.1', signer!.listener.port);
    await signer!.growth.isRight(7, pieceAt(7));
    equal(await Promise.all(verdicts), [true, false]);
  });
});

/** A peer of our own making: sends what it is given as an extension message, and answers why it was parted from. */
async function attacked(node: Node, sent: (wire: GuardedWire, number: number) => void): Promise<string> {
  const { wire } = connectTo('127.0.0.1', node.listener.port, { pieceCount: 10, ...file });
  wire.extendedMapping[10] = 'sluice_hashes';
  wire.onExtension = (name) => {
    if (name === 'handshake') sent(wire, wire.peerExtendedMapping.sluice_hashes!);
  };
  wire.once('handshake', () => {});
  setTimeout(() => wire.handshake(Buffer.from(swarm, 'hex'), Buffer.alloc(20, 9), { fast: true }), 100);
  const before = node.log.length;
  await until('the attacker is parted from', () => node.log.length > before, 5000);
  wire.destroy();
  return node.log[before]!;
}

const forged = (signer: SigningKey, key: Uint8Array) =>
  signBatch(
    { ...signer, key },
    {
      swarm: Buffer.from(swarm, 'hex'),
      sequence: 0,
      previous: Buffer.alloc(32),
      pieces: [{ piece: 1, sha1: Buffer.alloc(20), sha256: Buffer.alloc(32) }],
    },
  );
const attacks: [name: string, message: (node: Node) => Uint8Array, why: RegExp][] = [
  ['a string of negative length', () => Buffer.from('d1:t-1:e'), /negative|malformed/],
  ['no dictionary', () => Buffer.from('i1e'), /not a dictionary/],
  ['a message of no kind', () => Buffer.from('d1:ti9ee'), /no kind/],
  ['negative counts', () => Buffer.from('d1:hli-1ee1:ti0ee'), /bad counts/],
  [
    'more chains than there can be',
    () => encodeHashMessage({ kind: 'held', held: Array(chainsMax + 1).fill(1) }),
    /bad counts/,
  ],
  ['a batch that is longer than one', () => encodeHashMessage({ kind: 'batch', bytes: Buffer.alloc(40_000) }), /none/],
  ['a batch of noise', () => encodeHashMessage({ kind: 'batch', bytes: Buffer.alloc(300, 7) }), /not a batch/],
  [
    'a batch in the name of the signer',
    ({ growth }) => {
      const key = Buffer.from(growth.options.appointments[0]?.key ?? growth.key!, 'hex');
      return encodeHashMessage({ kind: 'batch', bytes: forged(newSigningKey(), key) });
    },
    /has not signed/,
  ],
  ['a seal that is none', () => encodeHashMessage({ kind: 'seal', bytes: Buffer.alloc(140) }), /not a seal/],
];
for (const [name, message, why] of attacks) {
  test(`parted from: ${name}`, async () => {
    await withNodes(1, async ([target]) => {
      match(await attacked(target!, (wire, number) => wire.extended(number, message(target!))), why);
      is(target!.growth.manifest.knownCount, 0);
    });
  });
}

test('parted from: a flood; and questions for what is not there are no answer and no harm', async () => {
  await withNodes(1, async ([target]) => {
    const why = await attacked(target!, (wire, number) => {
      for (let count = 0; count < 600; count++) {
        wire.extended(number, encodeHashMessage({ kind: 'want', chain: 255, from: 0xffff_ffff }));
      }
    });
    match(why, /too many hashes/);
  });
});

test('any message survives its encoding, and any bytes are a message or malformed', () => {
  const count = fc.integer({ min: 0, max: 0xffff_ffff });
  const message: fc.Arbitrary<HashMessage> = fc.oneof(
    fc.array(count, { maxLength: chainsMax }).map((held) => ({ kind: 'held' as const, held })),
    fc.record({ kind: fc.constant('want' as const), chain: fc.nat(chainsMax - 1), from: count }),
    fc.uint8Array({ maxLength: 500 }).map((rest) => ({ kind: 'batch' as const, bytes: rest })),
    fc.uint8Array({ maxLength: 500 }).map((rest) => ({ kind: 'seal' as const, bytes: rest })),
  );
  fc.assert(
    fc.property(message, (given) => {
      const read = decodeHashMessage(encodeHashMessage(given));
      equal('bytes' in read ? { ...read, bytes: new Uint8Array(read.bytes) } : read, { ...given });
    }),
    { numRuns: 300 },
  );
  const letters = fc.constantFrom(...'0123456789-:deilhtcf\0');
  const noise = fc.array(letters, { maxLength: 60 }).map((all) => `d1:${all.join('')}`);
  fc.assert(
    fc.property(fc.oneof(noise, fc.string()), (text) => {
      try {
        decodeHashMessage(Buffer.from(text, 'latin1'));
      } catch (error) {
        ok(error instanceof MalformedInput, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test.run();
