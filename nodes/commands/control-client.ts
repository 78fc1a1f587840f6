/** The REST API of control as commands use it. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';

/** Where control is and who asks; of every command that speaks to it. */
export interface ControlAddress {
  control: string;
  tokenFile?: string;
  authority?: string;
  json?: boolean;
}

const answerMilliseconds = 60_000;
const answerBytesMax = 256 * 1024 * 1024;

export class ControlClient {
  readonly #base: URL;
  readonly #token: string;
  readonly #agent: Agent;

  constructor({ control, tokenFile, authority }: ControlAddress) {
    this.#base = addressOf(control);
    this.#token = readToken(tokenFile);
    this.#agent = new Agent(authority === undefined ? {} : { connect: { ca: readText(authority, '--authority') } });
  }

  /** The answer's body; a refusal ends the command with what control says, an absent control with code 6. */
  async ask<Answer>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    given: Given = {},
  ): Promise<Answer> {
    const { body, headers = {} } = given;
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    let status: number;
    let text: string;
    try {
      const answer = await request(new URL(path, this.#base), {
        method,
        headers: { authorization: `Bearer ${this.#token}`, ...json, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(answerMilliseconds),
      });
      status = answer.statusCode;
      text = await bounded(answer.body);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Stop(exitCodes.unreachable, `control at ${this.#base.href} cannot be reached: ${code ?? message}`);
    }
    const value = parse(text);
    if (status < 300) return value as Answer;
    const { error } = (value ?? {}) as { error?: { message?: string; path?: string } };
    const where = error?.path === undefined ? '' : `${error.path}: `;
    throw new Stop(exitCodeOf(status), `${where}${error?.message ?? `control answers ${status}`}`);
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}

interface Given {
  body?: unknown;
  headers?: Record<string, string>;
}

/** Runs a command against control; its connections are closed whatever happens. Answers its exit code, or 0. */
export async function withControl(
  address: ControlAddress,
  work: (client: ControlClient) => Promise<unknown>,
): Promise<number> {
  const client = new ControlClient(address);
  try {
    const answer = await work(client);
    return typeof answer === 'number' ? answer : exitCodes.ok;
  } finally {
    await client.close();
  }
}

function exitCodeOf(status: number): number {
  if (status === 503) return exitCodes.unreachable;
  return status === 400 || status === 422 ? exitCodes.invalid : exitCodes.failure;
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new Stop(exitCodes.usage, `--control ${text}: it takes a URL such as http://127.0.0.1:7070`);
}

function readToken(file: string | undefined): string {
  const token = file === undefined ? process.env.SLUICE_TOKEN : readText(file, '--token-file').trim();
  if (token !== undefined && /^[\w-]{16,128}$/.test(token)) return token;
  const problem = token === undefined ? 'a token is needed' : 'that is not a token';
  throw new Stop(
    exitCodes.usage,
    `${problem}: --token-file FILE (control wrote one as operator.token), or SLUICE_TOKEN`,
  );
}

function readText(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Stop(exitCodes.usage, `${option} ${file}: ${(error as Error).message}`);
  }
}

async function bounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
