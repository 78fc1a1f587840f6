/**
 * Where does a byte of the origin do the most good? (M30, as an option)
 *
 * Each node (a task in a region, relays or clients) is measured: bytes that its swarm passed on, for each byte that
 * came from the origin. The weights of nodes follow that ratio, slowly, between a least and a most; floors and bands
 * stay what they are. What was measured fades by half in a half-life, so that a swarm that has filled up loses its
 * weight.
 */
import { assert } from '../assert.ts';
import { quotaWeightMax } from './water-filling.ts';

export interface BenefitTerms {
  halfLifeMilliseconds: number;
  /** Weight of a node whose bytes nobody passes on; and the most that any node may have. */
  weightMin: number;
  weightMax: number;
  /** Until so many bytes have been measured, a node counts as average. */
  bytesMin: number;
}

export const benefitTermsDefault: BenefitTerms = {
  // Some swarm generations: a piece is passed on within seconds.
  halfLifeMilliseconds: 60_000,
  // Ten to one: a node without a swarm still moves.
  weightMin: 10,
  weightMax: 100,
  // Sixteen pieces of 4 MiB.
  bytesMin: 67_108_864,
};

const fadeSteps = 16;
/** 2^(−1/16). */
const fadeRatio = 0.9576032806985737;
/** After 40 half-lives nothing is left of a petabyte but a kilobyte. */
const fadeStepsMax = 40 * fadeSteps;

export class Benefits {
  readonly #terms: BenefitTerms;
  readonly #originBytes: Float64Array;
  readonly #swarmBytes: Float64Array;
  #fadedAtMilliseconds = 0;

  constructor(nodeCount: number, terms: BenefitTerms) {
    assert(terms.weightMin >= 1 && terms.weightMax <= quotaWeightMax, 'weights are 1 to 1000');
    assert(terms.weightMin <= terms.weightMax && terms.halfLifeMilliseconds >= 1, 'the least is below the most');
    this.#terms = terms;
    this.#originBytes = new Float64Array(nodeCount);
    this.#swarmBytes = new Float64Array(nodeCount);
  }

  /** Bytes that the node's holders took from the origin, and bytes that its members got from each other. */
  measure(node: number, nowMilliseconds: number, originBytes: number, swarmBytes: number): void {
    assert(originBytes >= 0 && swarmBytes >= 0, 'bytes are not negative');
    this.#fade(nowMilliseconds);
    this.#originBytes[node] += originBytes;
    this.#swarmBytes[node] += swarmBytes;
  }

  /** In sixteenths of a half-life, by a constant: no powers, and the same however often it is measured. */
  #fade(nowMilliseconds: number): void {
    assert(nowMilliseconds >= this.#fadedAtMilliseconds, 'time never runs back');
    const stepMilliseconds = this.#terms.halfLifeMilliseconds / fadeSteps;
    const steps = Math.floor((nowMilliseconds - this.#fadedAtMilliseconds) / stepMilliseconds);
    this.#fadedAtMilliseconds += steps * stepMilliseconds;
    let part = 1;
    for (let step = 0; step < Math.min(steps, fadeStepsMax); step++) part *= fadeRatio;
    for (let node = 0; node < this.#originBytes.length && steps > 0; node++) {
      this.#originBytes[node] *= part;
      this.#swarmBytes[node] *= part;
    }
  }

  /** Bytes of the swarm for one byte of the origin, all nodes together. */
  meanRatio(): number {
    let originBytes = 0;
    let swarmBytes = 0;
    for (let node = 0; node < this.#originBytes.length; node++) {
      originBytes += this.#originBytes[node];
      swarmBytes += this.#swarmBytes[node];
    }
    return originBytes === 0 ? 0 : swarmBytes / originBytes;
  }

  /** The node's weight: the mean ratio lies half of the way from the least to the most; twice the mean is the most. */
  weight(node: number): number {
    const { weightMin, weightMax, bytesMin } = this.#terms;
    const mean = this.meanRatio();
    const originBytes = this.#originBytes[node];
    const isKnown = originBytes >= bytesMin && mean > 0;
    const ratio = isKnown ? Math.min(2, this.#swarmBytes[node] / originBytes / mean) : 1;
    return Math.round(weightMin + ((weightMax - weightMin) * ratio) / 2);
  }
}
