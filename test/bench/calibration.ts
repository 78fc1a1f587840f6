/**
 * How fast this machine is right now at what a simulation does most: random increments over 64 MB, which no cache
 * holds. A simulation's time as a multiple of this one is worth comparing between machines, and between a quiet hour
 * and a busy one.
 */
const wordCount = 16 * 1024 * 1024;
const incrementCount = 20_000_000;

/** Nanoseconds of CPU per increment. */
export function calibrate(): number {
  const words = new Int32Array(wordCount).fill(1);
  const startedAt = cpuSeconds();
  let at = 1;
  for (let done = 0; done < incrementCount; done++) {
    // Numerical Recipes' generator; the lower bits of such a one are not random, the upper 24 are.
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) | 0;
    words[at >>> 8]++;
  }
  return ((cpuSeconds() - startedAt) / incrementCount) * 1e9;
}

export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
