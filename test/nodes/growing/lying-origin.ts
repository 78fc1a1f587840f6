/** An origin that sends other bytes than it has: always, or the first time that it is asked for them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseRange } from '#nodes/http/range-header.ts';

const blockBytes = 16 * 1024;

export interface LyingOrigin {
  url: string;
  close(): void;
}

/** Of each block the first byte is another one; `once`: whoever asks for it again gets what is true. */
export async function lyingOrigin(bytes: Buffer, how: 'once' | 'always'): Promise<LyingOrigin> {
  const hasLied = new Uint8Array(Math.ceil(bytes.length / blockBytes));
  const server = createServer((request, response) => {
    if (request.url !== '/a.bin') return response.writeHead(404).end();
    const headers = { etag: '"one"', 'accept-ranges': 'bytes' };
    const asked = parseRange(request.method === 'GET' ? request.headers.range : undefined, bytes.length);
    if (asked.kind !== 'ranges') {
      response.writeHead(200, { ...headers, 'content-length': bytes.length });
      return request.method === 'HEAD' ? response.end() : response.end(bytes);
    }
    const { start, end } = asked.ranges[0]!;
    const sent = Buffer.from(bytes.subarray(start, end));
    for (let block = Math.ceil(start / blockBytes); block * blockBytes < end; block++) {
      if (how === 'once' && hasLied[block] === 1) continue;
      hasLied[block] = 1;
      sent[block * blockBytes - start]! ^= 1;
    }
    const range = `bytes ${start}-${end - 1}/${bytes.length}`;
    return response.writeHead(206, { ...headers, 'content-range': range, 'content-length': sent.length }).end(sent);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
