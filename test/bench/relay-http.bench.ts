// test-time-limit: 600s
/**
 * A file of a relay by HTTP, to one asker and to several at once, on loopback: CPU seconds of the server per GiB,
 * beside nginx (without sendfile, as a node has none) where the machine has it. The askers throw the bytes away.
 * SLUICE_BENCH_MEBIBYTES makes the file smaller.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import { ended, has } from '../nodes/interop.ts';
import { Running, until } from '../nodes/running.ts';
import { inDirectory } from '../nodes/temporary.ts';
import { costOf, memoryOf, secondsOf } from './processes.ts';

const bench = suite('relay-http');
const mebibytes = Number(process.env.SLUICE_BENCH_MEBIBYTES ?? 1024);
const askerCounts = [1, 8];
/** What is verified and written after the last byte is not the cost of serving. */
const commitMilliseconds = 5000;

bench(`${mebibytes} MiB by HTTP`, async () => {
  console.log(`${'server'.padEnd(32)} askers  CPU s/GiB   MiB/s  resident MiB (peak)`);
  await inDirectory(async (directory) => {
    const path = join(directory, 'payload.bin');
    const file = openSync(path, 'w');
    for (let done = 0; done < mebibytes; done++) writeSync(file, randomBytes(1024 * 1024));
    closeSync(file);
    writeFileSync(`${path}.manifest`, printManifest(await manifestOf(path)));
    await withRelay(directory, path, (url, process) => measure('sluice relay', url, process));
    if (!has('nginx')) return;
    await withNginx(directory, 'off', (url, process) => measure('nginx without sendfile', url, process));
    await withNginx(directory, 'on', (url, process) => measure('nginx with sendfile', url, process));
  });
});

async function measure(name: string, url: string, server: number): Promise<void> {
  for (const askers of askerCounts) {
    const [before, startedAt] = [secondsOf(costOf(server)), performance.now()];
    const children = Array.from({ length: askers }, () =>
      spawn('curl', ['-sfo', '/dev/null', url], { stdio: 'ignore' }),
    );
    for (const child of children) assert.is(await ended(child), 0, `${name} serves ${url}`);
    const seconds = (performance.now() - startedAt) / 1000;
    const cost = ((secondsOf(costOf(server)) - before) * 1024) / (mebibytes * askers);
    const { residentBytes, peakBytes } = memoryOf(server);
    const memory = `${Math.round(residentBytes / 2 ** 20)} (${Math.round(peakBytes / 2 ** 20)})`;
    const rate = String(Math.round((mebibytes * askers) / seconds)).padStart(7);
    const row = `${name.padEnd(32)} ${String(askers).padStart(6)} ${cost.toFixed(2).padStart(10)}`;
    console.log(`${row} ${rate}  ${memory}`);
  }
}

/** A relay that has pulled the whole file. */
async function withRelay(directory: string, path: string, work: (url: string, process: number) => Promise<void>) {
  const origin = new Running(['origin', directory, '--listen', '127.0.0.1:0']);
  const listens = ['--listen', '127.0.0.1:0', '--listen-peers', '127.0.0.1:0'];
  const originUrl = (await origin.prints(/http:\/\/[\d.:]+/))[0];
  const from = ['--pull', `${originUrl}/payload.bin`, '--manifest', `${path}.manifest`];
  const relay = new Running(['relay', '--dir', join(directory, 'relay'), ...listens, ...from]);
  try {
    const url = (await relay.prints(/http:\/\/\S+\/files\/\S+/))[0];
    const metrics = `${new URL(url).origin}/metrics`;
    const held = `sluice_relay_held_bytes ${mebibytes * 1024 * 1024}\n`;
    await until('the relay holds the file', async () => (await (await fetch(metrics)).text()).includes(held), 120_000);
    await new Promise((resolve) => setTimeout(resolve, commitMilliseconds));
    await work(url, relay.child.pid!);
  } finally {
    await Promise.all([relay.stop(), origin.stop()]);
  }
}

async function withNginx(
  directory: string,
  sendfile: 'on' | 'off',
  work: (url: string, process: number) => Promise<void>,
) {
  const port = await freePort();
  const prefix = join(directory, `nginx-${sendfile}`);
  mkdirSync(prefix, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (one) => `${one}_temp_path ${prefix}/${one};`,
  );
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `worker_processes 1; daemon off; user root; pid ${prefix}/pid; error_log stderr crit; events {}
     http { access_log off; sendfile ${sendfile}; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; root ${directory}; } }\n`,
  );
  const child = spawn('nginx', ['-p', prefix, '-c', 'nginx.conf'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}/payload.bin`;
  try {
    await until('nginx listens', () =>
      fetch(url, { method: 'HEAD' }).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    await work(url, child.pid!);
  } finally {
    child.kill('SIGTERM');
    await ended(child);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

bench.run();
