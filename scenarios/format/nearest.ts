/** The candidate that the writer most likely meant, or `undefined` when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const reachMax = Math.max(1.5, word.length / 2.5);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    // Who wrote the beginning of a name most likely means it.
    const begun = word.length > 1 && candidate.startsWith(word) ? 0.9 : Infinity;
    const distance = Math.min(begun, editDistance(word.slice(0, 100), candidate.slice(0, 100)));
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return bestDistance <= reachMax ? best : undefined;
}

/** `; did you mean "…"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? '' : `; did you mean "${candidate}"?`;
}

/** `allowed are a, b, c; did you mean "b"?` */
export function allowed(word: string, candidates: readonly string[]): string {
  const shown = candidates.length > 40 ? [...candidates.slice(0, 40), '…'] : candidates;
  const list = candidates.length === 0 ? 'none is allowed here' : `allowed are ${shown.join(', ')}`;
  return list + didYouMean(word, candidates);
}

/** Insertions, deletions, replacements and swaps of neighbours; another case costs little. */
function editDistance(source: string, target: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (let i = 1; i <= source.length; i++) {
    const row = [i];
    for (let j = 1; j <= target.length; j++) {
      const replaced = previous[j - 1]! + replacement(source[i - 1]!, target[j - 1]!);
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, replaced);
      const swapped = i > 1 && j > 1 && source[i - 1] === target[j - 2] && source[i - 2] === target[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, beforePrevious[j - 2]! + 1);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[target.length]!;
}

function replacement(source: string, target: string): number {
  if (source === target) return 0;
  return source.toLowerCase() === target.toLowerCase() ? 0.25 : 1;
}
