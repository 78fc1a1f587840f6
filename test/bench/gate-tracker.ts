/**
 * A tracker that lets a transfer begin at one moment: it answers a client that wants the file only once the gate is
 * open, and then with the seed. So the cost of starting a program is not counted, whichever it is.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from '#nodes/http/http-service.ts';
import { encodeBencode } from '#nodes/wire/bencode.ts';

export class GateTracker {
  readonly #server: Server;
  #waiting: ServerResponse[] = [];
  #isOpen = false;
  #seedPort = 0;
  #seedAddress: number[] = [];
  url = '';
  /** What has been announced. */
  hasSeed = false;
  hasClient = false;
  completedAt = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      const asked = new URL(request.url ?? '/', 'http://tracker').searchParams;
      const left = Number(asked.get('left'));
      if (asked.get('event') === 'completed') this.completedAt = performance.now();
      if (left === 0) {
        if (!this.hasSeed) this.#seedPort = Number(asked.get('port'));
        this.hasSeed = true;
        return this.#answer(response, false);
      }
      this.hasClient = true;
      if (this.#isOpen) this.#answer(response, true);
      else this.#waiting.push(response);
    });
  }

  /** The seed will be said to be at `seedAddress`. */
  async listen(seedAddress: string): Promise<void> {
    this.#seedAddress = seedAddress.split('.').map(Number);
    const { port } = (await listen(this.#server, { host: '127.0.0.1', port: 0 })) as AddressInfo;
    this.url = `http://127.0.0.1:${port}/announce`;
  }

  open(): void {
    this.#isOpen = true;
    for (const response of this.#waiting) this.#answer(response, true);
    this.#waiting = [];
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(response: ServerResponse, withSeed: boolean): void {
    const port = this.#seedPort;
    const peers = withSeed ? Uint8Array.from([...this.#seedAddress, port >> 8, port & 255]) : new Uint8Array(0);
    response.end(encodeBencode({ complete: 1, incomplete: 1, interval: 1800, peers }));
  }
}
