/** A checker saw what must not happen: the run is worth nothing and stops (exit code 4). */
export class CheckerError extends Error {
  override name = 'CheckerError';
  readonly exitCode = 4;
  readonly checker: string;

  constructor(checker: string, atMilliseconds: number, what: string) {
    super(`checker "${checker}" at ${(atMilliseconds / 1000).toFixed(6)} s: ${what}`);
    this.checker = checker;
  }
}
