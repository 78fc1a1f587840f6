/** A peer that breaks a rule is parted from, with the rule; it cannot make the process throw, loop or grow. */
import { connect, createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import { is, match } from 'uvu/assert';
import { takeOver } from '#nodes/wire/connection.ts';

const test = suite('nodes/wire/guarded-wire');
const file = { pieceCount: 10, pieceLengthBytes: 65_536, sizeBytes: 600_000 };
const handshake = Buffer.concat([
  Buffer.from('\x13BitTorrent protocol'),
  Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0x04]),
  Buffer.alloc(20, 1),
  Buffer.alloc(20, 2),
]);

function message(id: number, ...parts: (number | Uint8Array)[]): Buffer {
  const body = parts.map((part) => {
    if (typeof part !== 'number') return Buffer.from(part);
    const word = Buffer.alloc(4);
    word.writeUInt32BE(part);
    return word;
  });
  const length = Buffer.alloc(5);
  length.writeUInt32BE(1 + body.reduce((sum, part) => sum + part.length, 0));
  length[4] = id;
  return Buffer.concat([length, ...body]);
}

/** Sends the bytes to a guarded wire; answers the rule that was broken, or undefined when nothing was for a while. */
async function send(...bytes: Uint8Array[]): Promise<string | undefined> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = connect((server.address() as { port: number }).port, '127.0.0.1');
  const { socket, wire } = takeOver(await accepted, file);
  for (const one of [peer, socket]) one.on('error', () => {});
  const broken = new Promise<string>((resolve) => {
    wire.onBroken = resolve;
  });
  wire.handshake(Buffer.alloc(20, 1), Buffer.alloc(20, 3), { fast: true });
  for (const part of bytes) peer.write(part);
  const quiet = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 300));
  const rule = await Promise.race([broken, quiet]);
  const isClosed = socket.destroyed;
  peer.destroy();
  socket.destroy();
  wire.destroy();
  await new Promise((resolve) => server.close(resolve));
  is(isClosed || rule === undefined, true);
  return rule ?? (isClosed ? 'closed' : undefined);
}

const extended = (text: string) => message(20, Buffer.concat([Buffer.from([0]), Buffer.from(text, 'latin1')]));
const hostile: [name: string, bytes: Uint8Array, rule: RegExp][] = [
  ['a length of 2^31', Buffer.from([0x80, 0, 0, 0, 4]), /a message of 2147483648 bytes/],
  ['a length of 100 MB', Buffer.from([6, 0, 0, 0]), /a message of 100663296 bytes/],
  ['an extended handshake of negative length', extended('d1:m-5:e'), /negative/],
  ['an extended handshake that is a number', extended('i5e'), /not a dictionary/],
  ['an extended handshake with a tail', extended('deX'), /behind it/],
  ['a mapping to no number', extended('d1:md11:ut_metadata3:abcee'), /maps a name/],
  ['a method as a number', extended('d1:md8:toStringd8:toStringi1eeee'), /maps a name/],
  ['a bitfield of the wrong length', message(5, Buffer.alloc(1)), /bitfield of 1 bytes/],
  ['a bitfield with spare bits', message(5, Buffer.from([255, 255])), /past the last piece/],
  ['a piece out of range', message(4, 10), /piece 10 of 10/],
  ['a request past the piece', message(6, 9, 0, 16_384), /a block of 16384 bytes/],
  ['a request of nothing', message(6, 0, 0, 0), /a block of 0 bytes/],
  ['a request that is huge', message(6, 0, 0, 0x7fffffff), /a block of/],
  ['a short request', message(6, 0), /message 6 has 5 bytes/],
  ['a block without its place', message(7, 1), /without its place/],
  ['a choke with a body', message(0, 1), /message 0 has/],
];
for (const [name, bytes, rule] of hostile) {
  test(`parted from: ${name}`, async () => {
    match((await send(handshake, bytes)) ?? 'nothing was found', rule);
  });
}

test('parted from: requests without end', async () => {
  const requests = Buffer.concat(Array.from({ length: 3000 }, (_, index) => message(6, index % 9, 0, 16_384)));
  const unchoked = await send(handshake, requests);
  // Choked peers are answered with a reject and keep nothing here.
  is(unchoked, undefined);
});

test('a sound peer is let be, in pieces of any size', async () => {
  const sound = Buffer.concat([handshake, message(5, Buffer.from([0xff, 0xc0])), extended('d1:md11:ut_metadatai3eee')]);
  is(await send(...Array.from(sound, (byte) => Uint8Array.of(byte))), undefined);
  is(await send(handshake, Buffer.from([0, 0, 0, 0]), message(2), message(4, 9)), undefined);
});

test('noise instead of a handshake ends the connection, and nothing else', async () => {
  is(await send(Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'closed');
});

test.run();
