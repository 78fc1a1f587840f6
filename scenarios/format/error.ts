/** Where something stands in a scenario: keys and list positions from the top. */
export type Path = readonly (string | number)[];

/** A scenario that cannot be used; the message says where, what is wrong and what is allowed. */
export class ScenarioError extends Error {
  override name = 'ScenarioError';
  readonly exitCode = 3;
}

/** A value that cannot be read, wherever it stands; whoever knows the place turns it into a `Problem`. */
export class InvalidValue extends Error {
  override name = 'InvalidValue';
}

/** What is wrong at one place of a scenario; the loader adds file, line and column. */
export class Problem extends Error {
  override name = 'Problem';
  readonly path: Path;
  /** Whether the key itself is wrong, rather than what it holds. */
  readonly atKey: boolean;

  constructor(path: Path, message: string, atKey = false) {
    super(message);
    this.path = path;
    this.atKey = atKey;
  }
}

/** Runs a reader of values for the given place. */
export function at<Value>(path: Path, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidValue) throw new Problem(path, error.message);
    throw error;
  }
}
