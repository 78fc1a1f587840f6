/**
 * `sluice origin DIR`: a plain HTTP server of the files in a directory, for pilots and tests. It knows nothing of
 * sluice; its own hard limits and its audit are what the origin contract is measured against.
 */
import { realpathSync } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { basename, join, sep } from 'node:path';
import { readFully } from '../files/manifest.ts';
import { ConnectionAudit } from '../http/connection-limits.ts';
import { httpServer, pathOf, sendJson, sendStatus } from '../http/http-service.ts';
import { Pace } from '../http/pace.ts';
import { type ServedFile, serveFile } from '../http/range-server.ts';

export interface OriginLimits {
  /** Connections beyond this many get 503. */
  connectionsMax: number;
  bytesPerSecond: number;
  bytesPerSecondEach: number;
}

/** Where the audit is read, as JSON; no file is served under this name. */
export const auditPath = '/.sluice/audit';

export interface OriginServer {
  server: Server;
  audit: ConnectionAudit;
}

export function originServer(directory: string, limits: OriginLimits): OriginServer {
  const top = realpathSync(directory);
  const all = new Pace(limits.bytesPerSecond);
  const eachOf = new WeakMap<Socket, Pace>();
  const server = httpServer(async (request, response) => {
    if (audit.connections > limits.connectionsMax) {
      return sendStatus(response, 503, { 'retry-after': '1', connection: 'close' });
    }
    const path = pathOf(request);
    if (path === auditPath) return sendJson(response, audit.report());
    const file = path === undefined ? undefined : await openBelow(top, path);
    if (file === undefined) return sendStatus(response, 404);
    try {
      const each = eachOf.get(request.socket) ?? new Pace(limits.bytesPerSecondEach);
      eachOf.set(request.socket, each);
      await serveFile(request, response, served(file), { paces: [each, all], onSent: () => {} });
      await ended(response);
    } finally {
      await file.handle.close();
    }
  });
  const audit = new ConnectionAudit(server);
  return { server, audit };
}

interface OpenFile {
  handle: FileHandle;
  name: string;
  sizeBytes: number;
  modifiedMilliseconds: number;
  etag: string;
}

/** A file below `top`, wherever links lead; undefined where there is none. */
async function openBelow(top: string, path: string): Promise<OpenFile | undefined> {
  if (path.includes('\0')) return undefined;
  let handle: FileHandle | undefined;
  try {
    const found = await realpath(join(top, path));
    if (!found.startsWith(top + sep)) return undefined;
    handle = await open(found);
    const { size, mtimeNs, ino, mtimeMs } = await handle.stat({ bigint: true });
    if (!(await handle.stat()).isFile()) throw new Error('not a file');
    return {
      handle,
      name: basename(found),
      sizeBytes: Number(size),
      modifiedMilliseconds: Number(mtimeMs),
      etag: `"${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}"`,
    };
  } catch {
    await handle?.close();
    return undefined;
  }
}

function served({ handle, name, sizeBytes, modifiedMilliseconds, etag }: OpenFile): ServedFile {
  return {
    name,
    sizeBytes,
    etag,
    lastModified: new Date(modifiedMilliseconds).toUTCString(),
    availableEnd: () => sizeBytes,
    waitFor: async () => {},
    readInto: (buffer, start) => readFully(handle, buffer, start),
  };
}

/** The answer has left, or its asker has. */
function ended(response: ServerResponse): Promise<void> {
  if (response.writableFinished || response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    response.once('finish', resolve);
    response.once('close', resolve);
  });
}
