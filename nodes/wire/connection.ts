/** A socket and its wire, each the other's end: either's end is both's. */
import { createConnection, type OnReadOpts, Socket } from 'node:net';
import { GuardedWire, type WireFile } from './guarded-wire.ts';

export interface Connection {
  socket: Socket;
  wire: GuardedWire;
}

/**
 * What is received is used up within the call that says so: one buffer serves all connections of the process, and each
 * read may take much. Without it every read allocates, and collecting what was read costs more than reading.
 */
const readBytes = 256 * 1024;
const shared = Buffer.allocUnsafeSlow(readBytes);

/** Opens a connection; the handshake may be said once the socket has connected. */
export function connectTo(host: string, port: number, file: WireFile | null): Connection {
  return joined(file, (onread) => createConnection({ host, port, noDelay: true, onread }));
}

/** Takes over a connection that a server with `pauseOnConnect` has accepted: nothing of it was read yet. */
export function takeOver(accepted: Socket, file: WireFile | null): Connection {
  // A server has no say in how its sockets read. So the connection gets another socket, and the server's own ends
  // without it. Neither is documented; where there is no such handle the bytes come as they do everywhere.
  const bare = accepted as unknown as { _handle: object | null };
  const handle = bare._handle;
  if (handle === null || typeof handle !== 'object') {
    const connection = joined(file, () => accepted);
    accepted.on('data', (chunk: Buffer) => connection.wire.receive(chunk));
    return connection;
  }
  bare._handle = null;
  accepted.destroy();
  return joined(file, (onread) => new Socket({ handle, onread } as { onread: OnReadOpts }));
}

function joined(file: WireFile | null, open: (onread: OnReadOpts) => Socket): Connection {
  const callback = (bytes: number) => {
    wire.receive(shared.subarray(0, bytes));
    return true;
  };
  const socket = open({ buffer: shared, callback });
  const wire = new GuardedWire(socket, file);
  wire.on('error', () => socket.destroy());
  wire.on('close', () => socket.destroy());
  socket.once('close', () => wire.destroy());
  return { socket, wire };
}

/** Of whoever is at the other end; IPv4 as such. */
export function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}
