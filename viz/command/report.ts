/** `sluice report`: results and the page in one file that opens without a network. */
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import { formatBytes } from '#scenarios/format/units.ts';
import { checkOutputs, writeWhole } from '#sim/lab/output.ts';
import { readFiles } from './files.ts';
import { pageText, withData } from './page.ts';

export interface ReportOptions {
  files: string[];
  output: string;
}

export async function reportCommand({ files, output }: ReportOptions): Promise<number> {
  checkOutputs({ '-o': output }, files);
  const read = readFiles(files);
  await writeReport(output, read);
  return exitCodes.ok;
}

export async function writeReport(output: string, files: { name: string; text: string }[]): Promise<void> {
  // White space is a third of a result, and nobody reads it here.
  const compact = files.map(({ name, text }) => ({ name, text: JSON.stringify(JSON.parse(text)) }));
  const report = withData(await pageText(), compact);
  writeWhole(output, report);
  process.stderr.write(`${output}: ${formatBytes(Buffer.byteLength(report))}, opens in any browser\n`);
}
