/** One study under way, or looked at: search, evaluation and store together. */
import type { Study } from '#scenarios/format/study.ts';
import type { Provenance } from '../provenance.ts';
import { type Answers, answersOf } from './answers.ts';
import { Evaluation, Missing } from './evaluation.ts';
import { Drained, type Runner } from './runner.ts';
import { Search } from './search.ts';
import type { Store } from './store.ts';
import { TrialMaker } from './trial.ts';

export interface CourseOptions {
  study: Study;
  provenance: Provenance;
  store: Store;
  /** Absent: only looks at what the store has. */
  runner?: Runner | undefined;
  retry?: boolean | undefined;
}

export class Course {
  readonly study: Study;
  readonly maker: TrialMaker;
  readonly search: Search;
  readonly evaluation: Evaluation;
  readonly #runner: Runner | undefined;

  constructor(options: CourseOptions) {
    this.study = options.study;
    this.maker = new TrialMaker(options.study, options.provenance);
    this.evaluation = new Evaluation({ ...options, maker: this.maker });
    this.search = new Search(options.study, this.evaluation.evaluate);
    this.#runner = options.runner;
  }

  /** Whether the study came to its end; not so where it was drained, or where something is missing. */
  async run(): Promise<boolean> {
    try {
      await this.search.run();
      return true;
    } catch (error) {
      if (!(error instanceof Missing) && !(error instanceof Drained)) throw error;
      this.#adopt();
      return false;
    }
  }

  answers(): Answers {
    return answersOf(this.study, this.search, this.evaluation);
  }

  /** Simulations of the whole study, as far as is known now: fewer once trials have been stopped. */
  runsMax(): number {
    const { replications, halving, sampler } = this.study;
    if (halving !== undefined) return halvedRuns(this.study) + replications;
    const proposed = this.search.trials.reduce(
      (sum, { fate, measures }) => sum + (fate === 'running' || fate === 'complete' ? replications : measures.length),
      0,
    );
    const toCome = this.search.isDone ? 0 : Math.max(0, sampler.trials - this.search.trials.length);
    return proposed + toCome * replications + replications;
  }

  doneCount(): number {
    return this.evaluation.cachedCount + this.evaluation.doneCount;
  }

  remainingSeconds(): number | undefined {
    const running = this.#runner?.running().length ?? 0;
    const waiting = this.#runner?.waiting() ?? 0;
    const later = Math.max(0, this.runsMax() - this.doneCount() - running - waiting);
    return this.#runner?.remainingSeconds(later);
  }

  /** What the store has of trials that were not judged to their end. */
  #adopt(): void {
    for (const trial of [this.search.baseline, ...this.search.trials]) {
      const measures = this.evaluation.measuresOf(trial.candidate);
      if (measures.length <= trial.measures.length) continue;
      trial.measures = measures;
      if (measures.some(({ error }) => error !== undefined)) trial.fate = 'failed';
      else if (measures.some(({ violated }) => violated.length > 0)) trial.fate = 'violates';
      else if (measures.length >= this.study.replications) trial.fate = 'complete';
    }
  }
}

function halvedRuns({ sampler, halving, replications }: Study): number {
  let { replications: seeds, clients } = halving!;
  let trials = sampler.trials;
  let runs = 0;
  while (trials > 1 && (seeds < replications || clients < 1)) {
    // With all of the clients, seeds of an earlier round count for the next one.
    runs += clients === 1 ? 0 : trials * seeds;
    trials = Math.ceil(trials / halving!.factor);
    seeds = Math.min(replications, seeds * halving!.factor);
    clients = Math.min(1, clients * halving!.factor);
  }
  return runs + trials * replications;
}
