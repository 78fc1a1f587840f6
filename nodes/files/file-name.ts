/** A name that somebody else chose, as the name of a file in a directory of ours. */

const nameBytesMax = 255;

/** What is wrong with `name` as the name of one file, or undefined. */
export function fileNameProblem(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return `"${name}" is not the name of a file`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
  if (/[/\\\u0000-\u001f\u007f]/.test(name)) return `${JSON.stringify(name)} holds a separator or a control character`;
  if (/\.(part|pieces|hashes)$/.test(name)) return `"${name}" ends like our own files of unfinished ones`;
  if (Buffer.byteLength(name) > nameBytesMax) return `a name of more than ${nameBytesMax} bytes`;
  return undefined;
}
