/** Draws that need a logarithm or a root: the only file of the simulator with such functions. */

/** `real` uniform in [0, 1). */
export function exponential(mean: number, real: number): number {
  return -mean * Math.log(1 - real);
}

/** Lognormal with the given median; the normal draw is Box and Muller's. */
export function lognormal(median: number, sigma: number, real: number, second: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - real)) * Math.cos(2 * Math.PI * second);
  return median * Math.exp(sigma * normal);
}
