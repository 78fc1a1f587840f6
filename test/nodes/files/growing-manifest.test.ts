/** Chains of signed hashes: what is believed, what is refused, and that no bytes at all do more than be refused. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, match, not, ok, throws } from 'uvu/assert';
import { type Appointment, GrowingManifest } from '#nodes/files/growing-manifest.ts';
import {
  BadSignature,
  batchPiecesMax,
  chainStart,
  decodeBatch,
  decodeSeal,
  newSigningKey,
  publicKeyOf,
  type SignedPiece,
  type SigningKey,
  sealLength,
  signBatch,
  signSeal,
} from '#nodes/files/hash-batch.ts';

const test = suite('nodes/files/growing-manifest');
const swarm = new Uint8Array(20).fill(7);
const pieceCount = 40;
const [left, right, stranger] = [newSigningKey(), newSigningKey(), newSigningKey()];
const hex = ({ key }: SigningKey) => Buffer.from(key).toString('hex');
const appointments: Appointment[] = [
  { key: hex(left), firstPiece: 0, endPiece: 20 },
  { key: hex(right), firstPiece: 20, endPiece: 40 },
];

function piece(number: number, fill = number): SignedPiece {
  return { piece: number, sha1: new Uint8Array(20).fill(fill), sha256: new Uint8Array(32).fill(fill) };
}

function manifest(): GrowingManifest {
  const made = new GrowingManifest(swarm, pieceCount);
  made.appoint(appointments);
  return made;
}

/** The next batch of the signer, as it would sign it for this manifest. */
function next(of: GrowingManifest, signer: SigningKey, pieces: SignedPiece[], changes = {}): Uint8Array {
  return signBatch(signer, { swarm, ...of.nextOf(hex(signer))!, pieces, ...changes });
}

test('hashes are believed in the order of their chain, and only once', () => {
  const one = manifest();
  const first = next(one, left, [piece(3), piece(4)]);
  equal(one.add(first), { kind: 'new', pieces: [3, 4], chain: 0 });
  equal(one.add(first), { kind: 'known' });
  const second = next(one, left, [piece(0)]);
  const other = manifest();
  equal(other.add(second), { kind: 'ahead', chain: 0 });
  is(other.knownCount, 0);
  equal(one.add(second), { kind: 'new', pieces: [0], chain: 0 });
  equal(one.held, [2, 0]);
  for (const batch of one.since([0, 0], 100, 1e6)) other.add(batch);
  equal(other.held, one.held);
  equal(other.sha256, one.sha256);
  equal(one.after([0, 0], one.since([0, 0], 1, 1e6)), [1, 0]);
});

const refused: [name: string, make: (one: GrowingManifest) => Uint8Array, why: RegExp][] = [
  ['a piece that is another relay’s', (one) => next(one, left, [piece(20)]), /not its signer's to sign/],
  ['a piece past the last', (one) => next(one, right, [piece(40)]), /piece 40 of 40/],
  ['a piece that it signed before', (one) => next(one, left, [piece(0)]), /signed twice/],
  ['another swarm', (one) => next(one, left, [piece(1)], { swarm: new Uint8Array(20) }), /another swarm/],
  ['a break in the chain', (one) => next(one, left, [piece(1)], { previous: new Uint8Array(32) }), /does not follow/],
  [
    'the beginning of a chain again',
    (one) => next(one, left, [piece(1)], { sequence: 0, previous: chainStart(swarm, left.key) }),
    /is there already, and is another/,
  ],
  [
    'a signature of somebody else',
    (one) => {
      const bytes = next(one, left, [piece(1)]);
      const forged = signBatch(
        { ...stranger, key: left.key },
        { swarm, ...one.nextOf(hex(left))!, pieces: [piece(1)] },
      );
      is(forged.length, bytes.length);
      return forged;
    },
    /has not signed/,
  ],
  ['a changed hash', (one) => flipped(next(one, left, [piece(1)]), 100), /has not signed/],
  ['pieces that fall', (one) => next(one, left, [piece(2), piece(1)]), /must rise/],
  ['a piece twice', (one) => next(one, left, [piece(2), piece(2)]), /must rise/],
  ['no piece', (one) => next(one, left, []), /a batch of 0 pieces/],
  [
    'too many pieces',
    (one) =>
      next(
        one,
        left,
        Array.from({ length: batchPiecesMax + 1 }, (_, n) => piece(n)),
      ),
    /bytes/,
  ],
  ['something behind it', (one) => Buffer.concat([next(one, left, [piece(1)]), Buffer.from([0])]), /a batch of/],
  ['nothing', () => new Uint8Array(0), /a batch of 0 bytes/],
  ['a seal', () => signSeal(left, { swarm, manifest: swarm, infoHash: swarm }), /bytes|not a batch/],
];
for (const [name, make, why] of refused) {
  test(`refused, and nothing of it kept: ${name}`, () => {
    const one = manifest();
    one.add(next(one, left, [piece(0)]));
    const before = { held: one.held, known: one.knownCount, hashes: Buffer.from(one.sha256) };
    throws(
      () => one.add(make(one)),
      (error: Error) => error instanceof BadSignature && why.test(error.message),
    );
    equal({ held: one.held, known: one.knownCount, hashes: Buffer.from(one.sha256) }, before);
  });
}

test('who was never appointed is not believed, nor blamed on whoever passes it on', () => {
  const one = manifest();
  const bytes = signBatch(stranger, {
    swarm,
    sequence: 0,
    previous: chainStart(swarm, stranger.key),
    pieces: [piece(1)],
  });
  equal(one.add(bytes), { kind: 'unknown-signer' });
  one.appoint([...appointments, { key: hex(stranger), firstPiece: 0, endPiece: 5 }]);
  equal(one.add(bytes), { kind: 'new', pieces: [1], chain: 2 });
});

test('where ranges overlap the first word counts, and a second that differs is a contradiction', () => {
  const one = manifest();
  one.appoint([...appointments, { key: hex(stranger), firstPiece: 0, endPiece: 20 }]);
  one.add(next(one, left, [piece(1), piece(2)]));
  equal(one.add(next(one, stranger, [piece(1), piece(3)])), { kind: 'new', pieces: [3], chain: 2 });
  equal(one.contradictions, []);
  equal(one.add(next(one, stranger, [piece(2, 99)])), { kind: 'new', pieces: [], chain: 2 });
  equal(one.contradictions, [{ piece: 2, keys: [hex(left), hex(stranger)] }]);
  is(one.signerOf(2), hex(left));
  is(one.sha256[2 * 32], 2);
});

test('two batches of one number are a contradiction of the signer with itself', () => {
  const one = manifest();
  const fork = next(one, left, [piece(5, 99)]);
  one.add(next(one, left, [piece(5)]));
  throws(() => one.add(fork), /is there already/);
  equal(one.contradictions, [{ piece: 5, keys: [hex(left), hex(left)] }]);
});

test('a complete manifest is adopted unless it contradicts what was believed', () => {
  const one = manifest();
  one.add(next(one, left, [piece(1)]));
  const sha1 = new Uint8Array(pieceCount * 20);
  const sha256 = new Uint8Array(pieceCount * 32);
  const whole = { name: 'a', sizeBytes: 1, pieceLengthBytes: 1, sha1, sha256 };
  is(one.adopt(whole), false);
  is(one.knownCount, 1);
  sha1.fill(1, 20, 40);
  sha256.fill(1, 32, 64);
  is(one.adopt(whole), true);
  ok(one.isComplete);
});

test('a seal is control’s, of this swarm, or none', () => {
  const control = publicKeyOf(left.key);
  const parts = { swarm, manifest: new Uint8Array(32).fill(1), infoHash: new Uint8Array(20).fill(2) };
  const bytes = signSeal(left, parts);
  is(bytes.length, sealLength);
  equal(new Uint8Array(decodeSeal(bytes, swarm, control).infoHash), parts.infoHash);
  throws(() => decodeSeal(bytes, new Uint8Array(20), control), /another swarm/);
  throws(() => decodeSeal(signSeal(right, parts), swarm, control), /not signed/);
  throws(() => decodeSeal(bytes.subarray(1), swarm, control), /not a seal/);
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Buffer.from(bytes);
  changed[at % bytes.length]! ^= 1;
  return changed;
}

test('any bytes are refused or believed whole: one flipped bit is always found', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 19 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(numbers, fc.nat(), (given, at) => {
      const one = manifest();
      const pieces = given.sort((a, b) => a - b).map((number) => piece(number));
      const bytes = next(one, left, pieces);
      try {
        // The key is among what may be flipped: then nobody was appointed, or it is none.
        not.equal(one.add(flipped(bytes, at)).kind, 'new');
      } catch (error) {
        ok(error instanceof BadSignature);
      }
      is(one.knownCount, 0);
      equal(one.add(bytes), { kind: 'new', pieces: pieces.map((each) => each.piece), chain: 0 });
    }),
    { numRuns: 200 },
  );
});

test('noise never throws anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, hasMagic) => {
      const bytes = hasMagic ? Buffer.concat([Buffer.from('slb1'), swarm, noise]) : noise;
      try {
        decodeBatch(bytes);
      } catch (error) {
        ok(error instanceof BadSignature, String(error));
      }
      throws(
        () => decodeSeal(bytes, swarm, publicKeyOf(left.key)),
        (error: Error) => error instanceof BadSignature,
      );
    }),
    { numRuns: 500 },
  );
});

test('in whatever order, from however many sources, everybody comes to the same hashes', () => {
  const source = manifest();
  const batches: Uint8Array[] = [];
  for (let number = 0; number < 20; number += 2) {
    for (const [signer, first] of [
      [left, 0],
      [right, 20],
    ] as const) {
      const bytes = next(source, signer, [piece(first + number), piece(first + number + 1)]);
      source.add(bytes);
      batches.push(bytes);
    }
  }
  ok(source.isComplete);
  fc.assert(
    fc.property(fc.array(fc.nat(batches.length - 1), { maxLength: 200 }), (order) => {
      const one = manifest();
      for (const index of order) {
        const { kind } = one.add(batches[index]!);
        match(kind, /new|known|ahead/);
      }
      for (const batch of source.since(one.held, 1000, 1e6)) one.add(batch);
      equal(one.sha256, source.sha256);
      ok(one.isComplete);
    }),
    { numRuns: 100 },
  );
});

test.run();
