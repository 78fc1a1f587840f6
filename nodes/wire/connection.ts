/** A socket and its wire, each the other's end: either's end is both's. */
import { createConnection, type Socket } from 'node:net';
import { GuardedWire, type WireFile } from './guarded-wire.ts';

/**
 * What is received is used up within the call that says so: one buffer serves all connections that we open, whatever
 * their number, and each read may take much.
 */
const readBytes = 256 * 1024;
const shared = Buffer.allocUnsafeSlow(readBytes);

/** Opens a connection; the handshake may be said once the socket has connected. */
export function connectTo(host: string, port: number, file: WireFile | null): { socket: Socket; wire: GuardedWire } {
  const callback = (bytes: number) => {
    wire.receive(shared.subarray(0, bytes));
    return true;
  };
  const socket = createConnection({ host, port, noDelay: true, onread: { buffer: shared, callback } });
  const wire = new GuardedWire(socket, file);
  endTogether(socket, wire);
  return { socket, wire };
}

/** Joins a socket that was accepted to its wire. */
export function pipe(socket: Socket, wire: GuardedWire): void {
  socket.on('data', (chunk: Buffer) => wire.receive(chunk));
  endTogether(socket, wire);
}

function endTogether(socket: Socket, wire: GuardedWire): void {
  wire.on('error', () => socket.destroy());
  wire.on('close', () => socket.destroy());
  socket.once('close', () => wire.destroy());
}
