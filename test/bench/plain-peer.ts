/** The least of a BitTorrent peer: it asks for blocks and reads them, or not; or it has them all and gives them. */
import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';

const blockBytes = 16 * 1024;
const handshakeBytes = 68;
const id = { unchoke: 1, interested: 2, request: 6, piece: 7, haveAll: 14 };

export interface PlainFile {
  infoHash: Uint8Array;
  pieceLengthBytes: number;
  pieceCount: number;
}

function handshakeOf({ infoHash }: PlainFile): Buffer {
  const reserved = Buffer.from([0, 0, 0, 0, 0, 0, 0, 4]);
  return Buffer.concat([Buffer.from('\x13BitTorrent protocol'), reserved, infoHash, randomBytes(20)]);
}

function message(number: number, ...words: number[]): Buffer {
  const bytes = Buffer.alloc(5 + 4 * words.length);
  bytes.writeUInt32BE(bytes.length - 4, 0);
  bytes[4] = number;
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, 5 + 4 * index);
  return bytes;
}

/** Calls `heed` for each message; what is of no interest is passed over. */
function readMessages(socket: Socket, heed: (number: number, body: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  let isGreeted = false;
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!isGreeted && bytes.length >= handshakeBytes) {
      isGreeted = true;
      bytes = bytes.subarray(handshakeBytes);
    }
    while (isGreeted && bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (bytes.length < 4 + length) break;
      if (length > 0) heed(bytes[4]!, bytes.subarray(5, 4 + length));
      bytes = bytes.subarray(4 + length);
    }
    rest = Buffer.from(bytes);
  });
}

/** Asks for `ahead` blocks as soon as it may; reads them and asks on, or reads nothing any more. */
export function askingPeer(port: number, file: PlainFile, ahead: number, reads: boolean): Socket {
  const socket = connect(port, '127.0.0.1');
  const blocksPerPiece = file.pieceLengthBytes / blockBytes;
  let asked = Math.floor(Math.random() * file.pieceCount) * blocksPerPiece;
  const ask = () => {
    const block = asked++ % (file.pieceCount * blocksPerPiece);
    const [piece, offset] = [Math.floor(block / blocksPerPiece), (block % blocksPerPiece) * blockBytes];
    return message(id.request, piece, offset, blockBytes);
  };
  socket.on('error', () => {});
  socket.once('connect', () => socket.write(Buffer.concat([handshakeOf(file), message(id.interested)])));
  readMessages(socket, (number) => {
    if (number === id.piece && reads) socket.write(ask());
    if (number !== id.unchoke) return;
    socket.write(Buffer.concat(Array.from({ length: ahead }, ask)));
    if (!reads) socket.pause();
  });
  return socket;
}

/** A seed whose bytes come from `read`; answers the port that it listens on. */
export function givingPeer(
  file: PlainFile,
  read: (start: number, length: number) => Buffer,
): Promise<[Server, number]> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.concat([handshakeOf(file), message(id.haveAll), message(id.unchoke)]));
    readMessages(socket, (number, body) => {
      if (number !== id.request) return;
      const [piece, offset, length] = [body.readUInt32BE(0), body.readUInt32BE(4), body.readUInt32BE(8)];
      const head = message(id.piece, piece, offset);
      head.writeUInt32BE(9 + length, 0);
      socket.cork();
      socket.write(head);
      socket.write(read(piece * file.pieceLengthBytes + offset, length));
      process.nextTick(() => socket.uncork());
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve([server, (server.address() as { port: number }).port]));
  });
}
