/** Answers that origins, relays, trackers and control may give to whoever asks them. */
import { createServer, type Socket } from 'node:net';
import { OriginConnection } from '#nodes/http/origin-connection.ts';
import { pause } from '#nodes/http/pace.ts';
import { fetchRange, probe, RelayConnections } from '#nodes/http/range-client.ts';
import { TrackerClient } from '#nodes/wire/tracker-client.ts';
import { soundBytes, soundMetainfo } from './sound.ts';
import type { Target } from './target.ts';

const timeoutMilliseconds = 40;

/** Says the same to everybody who has asked. */
async function says() {
  const open = new Set<Socket>();
  let bytes = Buffer.alloc(0);
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.on('data', () => socket.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    say(next: Buffer) {
      bytes = Buffer.from(next);
      for (const socket of open) socket.destroy();
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

const answer = (status: string, headers: string, body: Buffer) =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\n\r\n`), body]);
const part = soundBytes.subarray(1000, 3000);

/** Bytes of a range, from an origin and from a relay: whatever is taken lies within what was asked for. */
export async function ranges(): Promise<Target> {
  const server = await says();
  const etag = '"one"';
  return {
    name: 'answers of origins and relays',
    sound: [
      answer('206 x', `ETag: ${etag}\r\nContent-Range: bytes 1000-2999/200000\r\n`, part),
      answer(
        '200 OK',
        `ETag: ${etag}\r\nLast-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\n`,
        soundBytes.subarray(0, 5000),
      ),
      answer('503 x', 'Retry-After: 5\r\n', Buffer.alloc(0)),
      answer('302 x', 'Location: /elsewhere\r\n', Buffer.alloc(0)),
      answer('206 x', 'Content-Encoding: gzip\r\nContent-Range: bytes 1000-2999/*\r\n', part),
      Buffer.from('HTTP/1.1 206 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n'),
    ],
    async take(bytes) {
      server.say(bytes);
      const sources = [new OriginConnection(), new RelayConnections(1)];
      for (const source of sources) {
        const signal = AbortSignal.timeout(timeoutMilliseconds);
        const file = { url: `${server.url}/a`, sizeBytes: soundBytes.length, etag };
        let next = 1000;
        await fetchRange(source, file, 1000, 3000, signal, (chunk, at) => {
          if (at !== next || at + chunk.length > 3000) throw new Error(`bytes at ${at}, not ${next}`);
          next = at + chunk.length;
        });
        await source.destroy();
      }
      await Promise.race([probe(`${server.url}/a`).catch(() => {}), pause(timeoutMilliseconds)]);
    },
    close: server.close,
  };
}

export async function trackers(): Promise<Target> {
  const server = await says();
  const reply = (text: string) => answer('200 OK', '', Buffer.from(text, 'latin1'));
  return {
    name: 'replies of trackers',
    sound: [
      reply('d8:intervali60e5:peers6:\x7f\0\0\x01\x1a\xe1e'),
      reply('d8:intervali60e5:peersld2:ip9:127.0.0.14:porti9eeee'),
      reply('d14:failure reason4:none8:intervali5ee'),
    ],
    async take(bytes) {
      server.say(bytes);
      const progress = () => ({ uploaded: 0, downloaded: 0, left: 10, wantsPeers: true });
      const announced = { infoHash: soundMetainfo.infoHash, peerId: Buffer.alloc(20, 7), port: 1, progress };
      const client = new TrackerClient(`${server.url}/announce`, announced, (found) => {
        for (const { port } of found) if (!(port > 0 && port < 65_536)) throw new Error(`a peer at port ${port}`);
      });
      await pause(8);
      await Promise.race([client.stop(), pause(timeoutMilliseconds)]);
    },
    close: server.close,
  };
}
