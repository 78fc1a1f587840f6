/** What a command ends with that has something to show: the page on a terminal, a report file elsewhere. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeReport } from './report.ts';
import { servePage } from './view.ts';

const reportFile = 'results/demo.html';

/** On a terminal it stays until Ctrl-C, unless a build server owns the terminal. */
export async function showResult(name: string, result: unknown): Promise<void> {
  const file = { name, text: JSON.stringify(result) };
  mkdirSync(dirname(reportFile), { recursive: true });
  await writeReport(reportFile, [file]);
  if (!process.stdout.isTTY || process.env.CI !== undefined) return;
  const { server, address } = await servePage([file]);
  process.stdout.write(`\nLook at it: ${address}   (Ctrl-C ends it)\n`);
  await new Promise<void>((done) => process.once('SIGINT', () => done()));
  server.closeAllConnections();
  server.close();
}
