/** What a pilot asks of its control over REST. */
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { ask } from './http-answer.ts';

export interface FleetState {
  nodes: { role: 'relay' | 'client'; enrolled: number; connected: number }[];
}

export interface ClientRow {
  client: string;
  state: string;
  progress: ClientProgress | null;
}

export interface ClientProgress {
  state: string;
  verifiedBytes: number;
  received: { origin: number; relay: number; peer: number };
  duplicateBytes: number;
  discardedBytes: number;
  sent: { http: number; bittorrent: number };
  fallbackOpened: Record<'slow' | 'stalled' | 'blocked' | 'overdue', number>;
  elapsedMilliseconds: number;
}

export interface TaskReport {
  clients: Record<string, number>;
  failures: { client: string; error: string }[];
  relays: {
    relay: string;
    state: string;
    received: { origin: number; relay: number; peer: number } | null;
    sent: { http: number; bittorrent: number } | null;
  }[];
}

export class ControlAccess {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
  }

  putOrigin(url: string, contract: unknown): Promise<unknown> {
    return this.#ask('PUT', 'api/origins/main', { url, contract });
  }

  async makeToken(permits: 'relay' | 'client', name: string): Promise<string> {
    const { token } = await this.#ask<{ token: string }>('POST', 'api/tokens', { permits, name, groups: [] });
    return token;
  }

  async publish(instruction: object): Promise<string> {
    const { task } = await this.#ask<{ task: string }>('POST', 'api/tasks', instruction);
    return task;
  }

  state(): Promise<FleetState> {
    return this.#ask('GET', 'api/state');
  }

  clients(task: string): Promise<ClientRow[]> {
    return this.#ask('GET', `api/tasks/${task}/clients`);
  }

  report(task: string): Promise<TaskReport> {
    return this.#ask('GET', `api/tasks/${task}/report`);
  }

  async #ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const { status, body: answered } = await ask(new URL(path, this.#base), {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = answered.toString('utf8');
    if (status >= 200 && status < 300) return JSON.parse(text) as Answer;
    throw new Stop(exitCodes.failure, `the pilot's control refuses ${method} ${path}: ${text.slice(0, 1000)}`);
  }
}
