/** One request on a connection of its own: a pool would keep lines to nodes of a pilot that is over. */
import { request } from 'node:http';

export interface Answer {
  status: number;
  body: Buffer;
}

const timeoutMilliseconds = 30_000;

export function ask(
  url: string | URL,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method, agent: false, headers: { ...headers, connection: 'close' }, timeout: timeoutMilliseconds },
      (response) => {
        const chunks: Uint8Array[] = [];
        response.on('data', (chunk: Uint8Array) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.on('error', reject);
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`${url} does not answer`)));
    asked.on('error', reject);
    asked.end(body);
  });
}
