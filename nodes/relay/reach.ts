/**
 * Answers `/reach?port=N`: whether whoever asks can be reached at that port, from here, and which address he has here.
 * It connects to nobody but the asker, once at a time for each address, and sends nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { sendJson, sendStatus } from '../http/http-service.ts';

const connectMilliseconds = 3000;
const atOnceMax = 100;
const asking = new Set<string>();

export interface Reach {
  /** As the asker is seen from here. */
  address: string;
  reachable: boolean;
}

export async function answerReach(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const port = Number(new URL(request.url ?? '', 'http://relay').searchParams.get('port'));
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return sendStatus(response, 400);
  if (asking.has(address) || asking.size >= atOnceMax) return sendStatus(response, 429, { 'retry-after': '5' });
  asking.add(address);
  try {
    const reach: Reach = { address, reachable: await connects(address, port) };
    sendJson(response, reach);
  } finally {
    asking.delete(address);
  }
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (reachable: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reachable);
    };
    const timer = setTimeout(() => end(false), connectMilliseconds);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
