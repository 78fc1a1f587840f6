/** `sluice manifest FILE`: piece hashes and torrent beside a file. */
import { statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { parseQuantity } from '#scenarios/format/units.ts';
import { infoHashOf, infoOf, metainfoOf, printMagnet, printTorrent } from '../wire/metainfo.ts';
import { manifestOf, pieceCountOf, printManifest } from './manifest.ts';

export interface ManifestOptions {
  pieceLength?: string;
  url?: string;
  tracker: string[];
  webSeed: string[];
  json?: boolean;
}

export async function manifestCommand(path: string, options: ManifestOptions): Promise<number> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw Object.assign(new Error(`${path} is not a file`), { exitCode: 2 });
  }
  const pieceLength = options.pieceLength === undefined ? undefined : parseQuantity('size', options.pieceLength);
  const manifest = await manifestOf(path, pieceLength);
  if (options.url !== undefined) manifest.url = options.url;
  const infoHash = infoHashOf(infoOf(manifest));
  await replace(`${path}.manifest`, printManifest(manifest));
  await replace(`${path}.torrent`, printTorrent(metainfoOf(manifest, options.tracker, options.webSeed)));
  const magnet = printMagnet({
    infoHash,
    name: manifest.name,
    trackers: options.tracker,
    webSeeds: options.webSeed,
    peers: [],
  });
  const said = {
    manifest: `${path}.manifest`,
    torrent: `${path}.torrent`,
    sizeBytes: manifest.sizeBytes,
    pieceLengthBytes: manifest.pieceLengthBytes,
    pieces: pieceCountOf(manifest),
    sha256: manifest.digest,
    infoHash: Buffer.from(infoHash).toString('hex'),
    magnet,
  };
  const lines = Object.entries(said).map(([key, value]) => `${key.padEnd(16)} ${value}\n`);
  process.stdout.write(options.json ? `${JSON.stringify(said)}\n` : lines.join(''));
  return 0;
}

/** Whoever reads it sees the old one or the new one, whole. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}
