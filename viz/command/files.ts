/** Files for the page, checked before anybody waits for a browser to say what is wrong with them. */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { formatBytes } from '#scenarios/format/units.ts';
import { type Content, ReadError, readContent } from '#viz/data/read.ts';

/** A text of a JavaScript engine cannot be much longer. */
const fileBytesMax = 500_000_000;

export interface PageFile {
  name: string;
  text: string;
  content: Content;
}

export function readFiles(paths: string[]): PageFile[] {
  const files = paths.map(readOne);
  const results = files.filter(({ content }) => content.kind !== 'trace').length;
  if (results > 2) throw new Stop(exitCodes.usage, `${results} results: the page shows one, or two side by side`);
  if (results === 0 && files.length > 0) {
    throw new Stop(exitCodes.usage, 'a trace belongs to a result: name the file of --out, too');
  }
  return files;
}

function readOne(path: string): PageFile {
  const status = statSync(path, { throwIfNoEntry: false });
  const stop = (problem: string) => new Stop(exitCodes.invalid, `${path}: ${problem}`);
  if (status === undefined) throw stop('no such file');
  if (status.isDirectory()) throw stop('is a directory, not a result');
  if (status.size > fileBytesMax) throw stop(`is ${formatBytes(status.size)} long, more than any result`);
  const text = readFileSync(path, 'utf8');
  try {
    return { name: basename(path), text, content: readContent(text) };
  } catch (error) {
    if (error instanceof ReadError) throw stop(error.message);
    throw error;
  }
}
