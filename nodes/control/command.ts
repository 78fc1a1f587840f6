/** `sluice control`. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { slackNeededMilliseconds } from '#core/quota/lease.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { parseQuantity } from '#scenarios/format/units.ts';
import { hostPort, parseListen } from '../http/http-service.ts';
import { readTls } from '../http/tls-files.ts';
import { untilStopped } from '../http/until-stopped.ts';
import { openNodeSqlite } from '../store/node-sqlite-database.ts';
import { openSqlite3 } from '../store/sqlite3-database.ts';
import { Store } from '../store/store.ts';
import { Beats } from './beats.ts';
import { Control } from './control.ts';
import { ControlServer } from './server.ts';
import { hashOfToken, newToken } from './tokens.ts';

export interface ControlOptions {
  data: string;
  listen: string;
  tlsKey?: string;
  tlsCertificate?: string;
  driver: 'sqlite3' | 'node';
  reportEvery: string;
  dispatch: string;
  lease: string;
  safeRelays?: number;
  logLevel: string;
  version: string;
}

const beatMilliseconds = 50;

export async function controlCommand(options: ControlOptions): Promise<number> {
  const log = pino({ level: options.logLevel, base: null }, pino.destination({ fd: 2, sync: true }));
  const terms = readTerms(options);
  const tls = readTls(options);
  const { host, port } = parseListen(options.listen);
  await checkFree(host, port);
  mkdirSync(options.data, { recursive: true, mode: 0o700 });
  const path = join(options.data, 'control.sqlite');
  const database = await (options.driver === 'node' ? openNodeSqlite(path) : openSqlite3(path));
  const store = await Store.open(database);
  await makeFirstOperator(store, options.data);
  const control = await Control.open(store, terms, log);
  const beats = new Beats(control);
  const { server, address } = await ControlServer.listen(
    control,
    { host, port, ...(tls === undefined ? {} : { tls }) },
    options.version,
    log,
    () => beats.next(),
  );
  const timer = setInterval(() => void beats.next(), beatMilliseconds);
  process.stdout.write(`${tls === undefined ? 'http' : 'https'}://${hostPort(address)}/\n`);
  log.info({ address: hostPort(address), data: options.data }, 'control is ready');
  const signal = await Promise.race([untilStopped(), beats.failed]);
  clearInterval(timer);
  log.info({ signal }, 'control ends');
  await server.close();
  await beats.end();
  await store.close();
  return exitCodes.ok;
}

/** Whoever holds the port has the ledger as well: a second start by mistake must not take it away. */
async function checkFree(host: string, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', (error) => fail(new Stop(exitCodes.failure, `${host}:${port}: ${error.message}`)));
    server.listen({ host, port }, () => server.close(() => done()));
  });
}

function readTerms({ reportEvery, dispatch, lease, safeRelays }: ControlOptions) {
  const ttlMilliseconds = Math.floor(parseQuantity('time', lease, { positive: true }));
  if (ttlMilliseconds < 1000) throw new Stop(exitCodes.invalid, `--lease ${lease}: at least 1s`);
  const { driftMillionths, slackMilliseconds, turnMilliseconds } = quotaTermsDefault;
  return {
    reportEveryMilliseconds: Math.ceil(parseQuantity('time', reportEvery, { positive: true })),
    safeRelayCount: safeRelays ?? 0,
    dispatchPerSecond: parseQuantity('frequency', dispatch, { positive: true }) * 1000,
    quota: {
      ...quotaTermsDefault,
      ttlMilliseconds,
      slackMilliseconds: Math.max(slackMilliseconds, slackNeededMilliseconds(ttlMilliseconds, driftMillionths / 1e6)),
      turnMilliseconds: Math.min(turnMilliseconds, ttlMilliseconds),
    },
  };
}

/** Who can read the data directory may operate: that is how the first token comes to its owner. */
async function makeFirstOperator(store: Store, directory: string): Promise<void> {
  const path = join(directory, 'operator.token');
  if (existsSync(path) && (await store.hasToken('operate'))) return;
  const token = newToken();
  // The file first: a token in the database that nobody has would lock everybody out.
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  await store.addToken(
    { hash: hashOfToken(token), permits: 'operate', holder: 'first-operator', groups: [] },
    Date.now(),
  );
}
