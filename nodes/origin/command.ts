/** `sluice origin DIR`. */
import { statSync } from 'node:fs';
import { parseQuantity } from '#scenarios/format/units.ts';
import { drain, hostPort, listen, parseListen } from '../http/http-service.ts';
import { untilStopped } from '../http/until-stopped.ts';
import { originServer } from './origin-server.ts';

export interface OriginOptions {
  listen: string;
  connections?: number;
  bandwidth?: string;
  bandwidthEach?: string;
}

/** Bytes per second of an option; absent = unlimited. A wrong one is an error with exit code 3. */
export function rateOption(text: string | undefined): number {
  return text === undefined ? Infinity : parseQuantity('rate', text, { positive: true });
}

export async function originCommand(directory: string, options: OriginOptions): Promise<number> {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw Object.assign(new Error(`${directory} is not a directory`), { exitCode: 2 });
  }
  const { server } = originServer(directory, {
    connectionsMax: options.connections ?? Infinity,
    bytesPerSecond: rateOption(options.bandwidth),
    bytesPerSecondEach: rateOption(options.bandwidthEach),
  });
  const address = await listen(server, parseListen(options.listen));
  process.stdout.write(`http://${hostPort(address)}/\n`);
  await untilStopped();
  await drain(server, 2000);
  return 0;
}
