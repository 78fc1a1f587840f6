/** What a Range header asks for (RFC 9110, 14.1–14.2). */

/** Bytes [start, end). */
export interface ByteRange {
  start: number;
  end: number;
}

/** More would cost us more than the asker. */
const rangesMax = 32;

/**
 * `all`: there is no usable Range header; the whole representation is the answer.
 * `none`: it is well formed and no part of it lies within the file (416).
 */
export type RangeRequest = { kind: 'all' } | { kind: 'none' } | { kind: 'ranges'; ranges: ByteRange[] };

export function parseRange(header: string | undefined, sizeBytes: number): RangeRequest {
  const match = /^bytes=\s*(.+?)\s*$/i.exec(header ?? '');
  if (match === null) return { kind: 'all' };
  const specs = match[1]!
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  if (specs.length === 0 || specs.length > rangesMax) return { kind: 'all' };
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, sizeBytes);
    if (range === undefined) return { kind: 'all' };
    if (range.start < range.end) ranges.push(range);
  }
  if (ranges.length === 0) return { kind: 'none' };
  // Ranges that overlap would make us send a byte many times for one request.
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return bytes > sizeBytes ? { kind: 'all' } : { kind: 'ranges', ranges };
}

/** One range; empty where it lies outside; undefined where it is malformed. */
function parseSpec(spec: string, sizeBytes: number): ByteRange | undefined {
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(spec);
  if (match === null) return undefined;
  const [, first, last] = match;
  if (first === '') {
    if (last === '') return undefined;
    return { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes };
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1) };
}

/** Whether an If-Range header lets the Range header count: a strong validator that is exactly ours. */
export function rangeApplies(ifRange: string | undefined, etag: string | undefined, lastModified: string | undefined) {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('W/')) return false;
  return ifRange.startsWith('"') ? ifRange === etag : lastModified !== undefined && ifRange === lastModified;
}
