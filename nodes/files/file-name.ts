/** A name that somebody else chose, as the name of a file in a directory of ours, on whatever system that lies. */

const nameBytesMax = 255;
/** So much shorter are the names of the files that we keep beside it while it is incomplete (`.part.pieces.new`). */
const ownSuffixBytes = 16;
/** Names that Windows gives to devices, with any ending. */
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i;
/** Our own files of unfinished ones, and our directory; on some systems a name means the same in capitals. */
const ours = /\.part(\.(pieces|pieces\.new|recent|hashes))?$|\.hashes$|^\.sluice/i;
/** What shows text in another order, hides, or breaks lines: a name must be what it looks like. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

/** What is wrong with `name` as the name of one file, or undefined. */
export function fileNameProblem(name: string): string | undefined {
  const quoted = JSON.stringify(name.slice(0, 300));
  if (name === '' || name === '.' || name === '..') return `${quoted} is not the name of a file`;
  if (/[/\\]/.test(name) || unseen.test(name)) {
    return `${quoted} holds a separator, a control character or one that is not seen`;
  }
  if (/[<>:"|?*]/.test(name) || /[. ]$/.test(name) || device.test(name)) {
    return `${quoted} is no name on every system: no < > : " | ? *, no dot or space at the end, no device`;
  }
  if (ours.test(name)) return `${quoted} is like the names of our own files`;
  const bytesMax = nameBytesMax - ownSuffixBytes;
  return Buffer.byteLength(name) > bytesMax ? `a name of more than ${bytesMax} bytes` : undefined;
}
