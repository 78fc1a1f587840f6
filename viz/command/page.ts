/** The page as one self-contained file: script, style and typeface inside, nothing to load. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { formatBytes } from '#scenarios/format/units.ts';
import { writeWhole } from '#sim/lab/output.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where `npm run build` puts the page of an installed package. */
const shipped = join(root, 'dist/page.html');
const cache = join(root, 'node_modules/.cache/sluice-page');

/** Nothing may be loaded but data from the page's own server. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  'font-src data:',
  'img-src data:',
  "connect-src 'self'",
].join('; ');

/** Built when its sources have changed since the last time; where Vite is not installed, as it was shipped. */
export async function pageText(): Promise<string> {
  if (!isVitePresent()) {
    if (existsSync(shipped)) return readFileSync(shipped, 'utf8');
    throw new Stop(
      exitCodes.failure,
      'the page is not built and vite is not installed: npm install, or npm run build:page',
    );
  }
  const file = join(cache, `${sourcesHash()}.html`);
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const text = await buildPage();
  mkdirSync(cache, { recursive: true });
  writeWhole(file, text);
  return text;
}

function isVitePresent(): boolean {
  return existsSync(join(root, 'viz/index.html')) && existsSync(join(root, 'node_modules/vite/package.json'));
}

/** What `npm run build:page` does, so that an installed package needs no Vite. */
export async function shipPage(file = shipped): Promise<void> {
  const page = await buildPage();
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, page);
  process.stderr.write(`${file}: ${formatBytes(Buffer.byteLength(page))}\n`);
}

function sourcesHash(): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const directory of ['viz', 'core', 'scenarios/format', 'sim/lab']) {
    const files = readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).sort();
    for (const file of files) {
      if (/\.(ts|css|html)$/.test(file)) hash.update(file).update(readFileSync(join(root, directory, file)));
    }
  }
  return hash.digest('hex').slice(0, 24);
}

/** Vite packs it; what it gives out is put into one file, so that it opens from `file://`, too. */
export async function buildPage(): Promise<string> {
  const { build } = await import('vite');
  const built = await build({
    root: join(root, 'viz'),
    base: './',
    configFile: false,
    logLevel: 'error',
    build: { write: false, assetsInlineLimit: Infinity, cssCodeSplit: false, modulePreload: false },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((each) => ('output' in each ? each.output : []));
  let script = '';
  let style = '';
  let html = '';
  for (const output of outputs) {
    if (output.type === 'chunk') script += output.code;
    else if (output.fileName.endsWith('.css')) style += String(output.source);
    else if (output.fileName.endsWith('.html')) html = String(output.source);
  }
  const head = html
    .replace(/<script\b[^>]*><\/script>/g, '')
    .replace(/<link\b[^>]*rel="stylesheet"[^>]*>/g, '')
    .replace(
      '<meta charset="utf-8" />',
      (charset) => `${charset}<meta http-equiv="Content-Security-Policy" content="${policy}" />`,
    )
    .replace('</head>', () => `<style>${style}</style></head>`);
  return head.replace(
    '</body>',
    () => `<script type="module">${script.replaceAll('</script', '<\\/script')}</script></body>`,
  );
}

/** With files inside: what the page shows without asking anybody. */
export function withData(page: string, files: { name: string; text: string }[]): string {
  const data = files.map(({ name, text }) => ({ name, gzip: gzipSync(text, { level: 9 }).toString('base64') }));
  // Base64 holds no `<`; a name may.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return page.replace(
    '<div id="page">',
    (place) => `<script type="application/json" id="inlined">${json}</script>${place}`,
  );
}
