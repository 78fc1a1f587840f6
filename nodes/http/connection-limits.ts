/**
 * How many connections an HTTP server has open, and what goes through them: the limits of an origin or a relay, and
 * the audit that shows whether somebody else's limits were kept. Counted where it happens, in steps of 100 ms.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export const auditStepMilliseconds = 100;

export interface AuditStep {
  /** Since the server began to listen. */
  atMilliseconds: number;
  /** Most that were open at one time within the step. */
  connectionsMax: number;
  /** That the machine took from us for sending, heads included. */
  sentBytes: number;
}

export interface Audit {
  connections: number;
  connectionsPeak: number;
  connectionsTotal: number;
  sentBytes: number;
  /** The newest `stepsMax` steps in which anything was open, oldest first. */
  steps: AuditStep[];
}

export class ConnectionAudit {
  readonly #startedAt = performance.now();
  readonly #stepsMax: number;
  readonly #open = new Map<Socket, number>();
  readonly #steps: AuditStep[] = [];
  readonly #timer: NodeJS.Timeout;
  #stepMax = 0;
  #stepBytes = 0;
  #peak = 0;
  #total = 0;
  #bytes = 0;

  /** 36,000 steps are an hour. */
  constructor(server: Server, stepsMax = 36_000) {
    this.#stepsMax = stepsMax;
    server.on('connection', (socket: Socket) => this.#opened(socket));
    this.#timer = setInterval(() => this.#endStep(), auditStepMilliseconds);
    this.#timer.unref();
    server.on('close', () => clearInterval(this.#timer));
  }

  get connections(): number {
    return this.#open.size;
  }

  report(): Audit {
    this.#collect();
    return {
      connections: this.#open.size,
      connectionsPeak: this.#peak,
      connectionsTotal: this.#total,
      sentBytes: this.#bytes,
      steps: [...this.#steps],
    };
  }

  #opened(socket: Socket): void {
    this.#open.set(socket, 0);
    this.#total++;
    this.#stepMax = Math.max(this.#stepMax, this.#open.size);
    this.#peak = Math.max(this.#peak, this.#open.size);
    socket.once('close', () => {
      this.#count(socket);
      this.#open.delete(socket);
    });
  }

  #count(socket: Socket): void {
    const before = this.#open.get(socket) ?? 0;
    // What still waits in the process has not been sent.
    const sent = Math.max(before, socket.bytesWritten - socket.writableLength);
    this.#stepBytes += sent - before;
    this.#bytes += sent - before;
    this.#open.set(socket, sent);
  }

  #collect(): void {
    for (const socket of this.#open.keys()) this.#count(socket);
  }

  #endStep(): void {
    this.#collect();
    if (this.#stepMax === 0 && this.#stepBytes === 0) return;
    const atMilliseconds = Math.round(performance.now() - this.#startedAt);
    this.#steps.push({ atMilliseconds, connectionsMax: this.#stepMax, sentBytes: this.#stepBytes });
    if (this.#steps.length > this.#stepsMax) this.#steps.shift();
    this.#stepMax = this.#open.size;
    this.#stepBytes = 0;
  }
}
