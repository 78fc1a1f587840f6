/** Means over seeds with what is known about them: Student's t, for few seeds and a spread that is not known. */

export interface Interval {
  mean: number;
  /** Absent with one value. */
  low: number | null;
  high: number | null;
}

const confidence = 0.95;

/** Mean and 95 % interval; `null` where a value is missing. */
export function intervalOf(values: readonly (number | null)[]): Interval | null {
  if (values.length === 0 || values.includes(null)) return null;
  const known = values as readonly number[];
  const count = known.length;
  const mean = known.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, low: null, high: null };
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = tQuantile((1 + confidence) / 2, count - 1) * Math.sqrt(squares / (count - 1) / count);
  return { mean, low: mean - half, high: mean + half };
}

/** Seed by seed, as a share of the baseline's mean: −0.2 = a fifth less. */
export function pairedDifference(
  values: readonly (number | null)[],
  baseline: readonly (number | null)[],
): Interval | null {
  const base = intervalOf(baseline);
  if (base === null || base.mean === 0) return null;
  return intervalOf(
    values.map((value, index) => {
      const other = baseline[index] ?? null;
      return value === null || other === null ? null : (value - other) / base.mean;
    }),
  );
}

/** Whether the interval holds zero; one value alone says nothing about that. */
export function holdsZero({ low, high }: Interval): boolean {
  return low !== null && high !== null && low <= 0 && high >= 0;
}

/** The value below which Student's t with so many degrees of freedom falls with this probability. */
export function tQuantile(probability: number, degrees: number): number {
  if (probability === 0.5) return 0;
  if (probability < 0.5) return -tQuantile(1 - probability, degrees);
  const key = `${probability} ${degrees}`;
  const known = quantiles.get(key) ?? searchedQuantile(probability, degrees);
  quantiles.set(key, known);
  return known;
}

/** A table of many intervals asks for few quantiles, again and again. */
const quantiles = new Map<string, number>();

function searchedQuantile(probability: number, degrees: number): number {
  let high = 1;
  while (tDistribution(high, degrees) < probability) high *= 2;
  let low = 0;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (tDistribution(middle, degrees) < probability) low = middle;
    else high = middle;
  }
}

export function tDistribution(value: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + value * value), degrees / 2, 0.5) / 2;
  return value > 0 ? 1 - tail : tail;
}

/** The regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges quickly on this side only.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  return front / betaFraction(x, a, b);
}

function betaFraction(x: number, a: number, b: number): number {
  const termsMax = 500;
  // From the back: 1 + d₁/(1 + d₂/(1 + …)).
  let fraction = 1;
  for (let term = termsMax; term >= 1; term--) {
    const m = Math.floor(term / 2);
    const numerator = term % 2 === 0 ? m * (b - m) * x : -(a + m) * (a + b + m) * x;
    fraction = 1 + numerator / ((a + term - 1) * (a + term)) / fraction;
  }
  return fraction;
}

/** Lanczos' approximation with g = 7 and nine coefficients, good to 15 digits. */
function logGamma(x: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  const series = coefficients.reduce((sum, c, index) => sum + c / (shifted + index + 1), 0.99999999999980993);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series);
}
