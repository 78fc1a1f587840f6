/** Where the data comes from: inside the page, named in its address, dropped on it; then the views. */
import { datasetOf } from './data/dataset.ts';
import { type Content, ReadError, readContent } from './data/read.ts';
import { Page } from './page.ts';

const page = new Page(document.getElementById('page')!);

interface Named {
  name: string;
  text: string;
}

async function inlined(): Promise<Named[]> {
  const element = document.getElementById('inlined');
  if (element === null) return [];
  const files = JSON.parse(element.textContent) as { name: string; gzip: string }[];
  return Promise.all(
    files.map(async ({ name, gzip }) => {
      const bytes = Uint8Array.from(atob(gzip), (letter) => letter.codePointAt(0)!);
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
      return { name, text: await new Response(stream).text() };
    }),
  );
}

/** `?run=FILE`, `&with=FILE`, `&trace=FILE`, from the page's own server. */
async function named(): Promise<Named[]> {
  const parameters = new URLSearchParams(location.search);
  const names = ['run', 'with', 'trace'].flatMap((key) => parameters.getAll(key));
  return Promise.all(names.map(fetched));
}

async function fetched(name: string): Promise<Named> {
  const url = new URL(name, location.href);
  if (url.origin !== location.origin) throw new ReadError(`${name}: this page reads from its own server alone.`);
  let response: Response;
  try {
    response = await fetch(url);
  } catch {
    throw new ReadError(`${name}: the server does not answer. Start sluice view again, or drop the file here.`);
  }
  if (!response.ok) throw new ReadError(`${name}: the server has no such file (${response.status}).`);
  return { name, text: await response.text() };
}

/** One result, a second to compare it with, and a trace, in any order. */
function show(files: Named[]): void {
  try {
    const contents = files.map(({ name, text }) => contentOf(name, text));
    page.load(contents);
  } catch (error) {
    page.fail(error instanceof ReadError ? error.message : `This file cannot be shown: ${(error as Error).message}`);
    if (!(error instanceof ReadError)) throw error;
  }
}

function contentOf(name: string, text: string) {
  try {
    const content: Content = readContent(text);
    return content.kind === 'trace' ? content : datasetOf(content);
  } catch (error) {
    if (error instanceof ReadError) throw new ReadError(`${name}: ${error.message}`);
    throw error;
  }
}

async function start(): Promise<void> {
  try {
    const live = new URLSearchParams(location.search).get('live');
    if (live !== null) page.watch(live);
    const files = [...(await inlined()), ...(await named())];
    if (files.length > 0) show(files);
    else if (live === null) page.wait();
  } catch (error) {
    page.fail((error as Error).message);
  }
}

page.onFiles = async (files) => {
  show(await Promise.all(files.map(async (file) => ({ name: file.name, text: await file.text() }))));
};
await start();
