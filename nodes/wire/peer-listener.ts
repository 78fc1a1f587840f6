/** Where peers connect to us: one port for all torrents of the node. */
import { createServer, type Server } from 'node:net';
import { CannotListen, type ListenAddress } from '../http/http-service.ts';
import { takeOver } from './connection.ts';
import type { Swarm } from './swarm.ts';

const handshakeMilliseconds = 15_000;
/** Connections that have not said what they want. */
const strangersMax = 200;

export class PeerListener {
  readonly #swarms = new Map<string, Swarm>();
  readonly #server: Server;
  #strangers = 0;
  port = 0;

  constructor() {
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
      if (this.#strangers >= strangersMax) {
        accepted.destroy();
        return;
      }
      const { socket, wire } = takeOver(accepted, null);
      socket.on('error', () => {});
      this.#strangers++;
      let isStranger = true;
      const settle = () => {
        if (isStranger) this.#strangers--;
        isStranger = false;
        clearTimeout(timer);
      };
      const timer = setTimeout(() => socket.destroy(), handshakeMilliseconds);
      socket.once('close', settle);
      wire.once('handshake', (infoHash: string, peerId: string) => {
        settle();
        const swarm = this.#swarms.get(infoHash);
        if (swarm?.hasRoom !== true) {
          socket.destroy();
          wire.destroy();
          return;
        }
        swarm.welcome(socket, wire, peerId, infoHash);
      });
    });
  }

  listen({ host, port }: ListenAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(new CannotListen(`cannot listen on ${host}:${port} for peers: ${error.message}`)),
      );
      this.#server.listen(port, host, () => {
        this.port = (this.#server.address() as { port: number }).port;
        resolve();
      });
    });
  }

  add(infoHash: string, swarm: Swarm): void {
    this.#swarms.set(infoHash, swarm);
  }

  remove(infoHash: string): void {
    this.#swarms.delete(infoHash);
  }

  close(): void {
    this.#server.close();
  }
}
