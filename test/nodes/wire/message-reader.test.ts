/** However the network cuts what a peer sends, the same messages come out, and little is kept in between. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is } from 'uvu/assert';
import { MessageReader } from '#nodes/wire/message-reader.ts';

const test = suite('nodes/wire/message-reader');
const lengthMax = 200_000;

/** The lengths and contents of what was read, as texts. */
function read(chunks: Uint8Array[]): string[] {
  const found: string[] = [];
  const tell = (kind: string) => (bytes: Uint8Array) => {
    found.push(`${kind} ${Buffer.from(bytes).toString('base64')}`);
    // Whoever is handed bytes that may be changed must not depend on them afterwards.
    bytes.fill(0xee);
  };
  const reader = new MessageReader({
    lengthMax: () => lengthMax,
    onHandshake: tell('handshake'),
    onMessage: tell('message'),
    onKeepAlive: () => found.push('alive'),
    onUnreadable: (length) => found.push(`unreadable ${length}`),
  });
  // The chunk's memory is used again for the next one, as that of a connection is.
  const shared = new Uint8Array(Math.max(1, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    shared.set(chunk);
    reader.read(shared.subarray(0, chunk.length));
  }
  return found;
}

function framed(body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

function cut(bytes: Uint8Array, lengths: number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const length = lengths[index % lengths.length]!;
    chunks.push(bytes.slice(at, at + length));
    at += length;
  }
  return chunks;
}

const handshake = Buffer.concat([Buffer.from([19]), Buffer.alloc(67, 7)]);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.nat(40_000).map((length) => new Uint8Array(length).map((_, index) => index * 7 + length)),
);
const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70_000 })), {
  minLength: 1,
  maxLength: 12,
});

test('any cuts of the same bytes are the same messages', () => {
  fc.assert(
    fc.property(fc.array(body, { maxLength: 8 }), lengths, (bodies, cuts) => {
      const bytes = Buffer.concat([handshake, ...bodies.map(framed)]);
      const wanted = [
        `handshake ${handshake.subarray(1).toString('base64')}`,
        ...bodies.map((one) => (one.length === 0 ? 'alive' : `message ${Buffer.from(one).toString('base64')}`)),
      ];
      equal(read(cut(bytes, cuts)), wanted);
    }),
    { numRuns: 150 },
  );
});

test('a length above the bound ends it, whole or in parts', () => {
  const tooLong = Buffer.from([0x80, 0, 0, 0]);
  for (const cuts of [[1], [2], [1000]]) {
    const bytes = Buffer.concat([handshake, framed(Uint8Array.of(1)), tooLong, framed(Uint8Array.of(2))]);
    equal(read(cut(bytes, cuts)).slice(1), ['message AQ==', 'unreadable 2147483648']);
  }
});

test('what is not the protocol is seen in its first byte', () => {
  equal(read([Buffer.from('GET')]), ['unreadable undefined']);
});

test('after a stop nothing is handed on', () => {
  let count = 0;
  const reader: MessageReader = new MessageReader({
    lengthMax: () => lengthMax,
    onHandshake: () => reader.stop(),
    onMessage: () => count++,
    onKeepAlive: () => count++,
    onUnreadable: () => count++,
  });
  reader.read(Buffer.concat([handshake, framed(Uint8Array.of(1)), framed(new Uint8Array(0))]));
  reader.read(framed(Uint8Array.of(1)));
  is(count, 0);
});

test.run();
