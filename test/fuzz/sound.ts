/** A small file with everything that describes it. */
import { createHash } from 'node:crypto';
import { printManifest } from '#nodes/files/manifest.ts';
import { metainfoOf } from '#nodes/wire/metainfo.ts';
import { content } from '../nodes/temporary.ts';

export const soundBytes = content(200_000, 3);
const pieceLengthBytes = 65_536;
const hashes = (kind: string) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(soundBytes.length / pieceLengthBytes) }, (_, piece) => {
      const bytes = soundBytes.subarray(piece * pieceLengthBytes, (piece + 1) * pieceLengthBytes);
      return createHash(kind).update(bytes).digest();
    }),
  );

const manifest = {
  name: 'a.bin',
  sizeBytes: soundBytes.length,
  pieceLengthBytes,
  sha1: new Uint8Array(hashes('sha1')),
  sha256: new Uint8Array(hashes('sha256')),
  digest: createHash('sha256').update(soundBytes).digest('hex'),
  url: 'http://o.example/a.bin',
};
export const soundManifest = printManifest(manifest);
export const soundMetainfo = metainfoOf(manifest, ['http://t.example/announce'], ['http://w.example/a.bin']);
