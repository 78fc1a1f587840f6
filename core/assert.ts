/** Stops on a defect of our own. Foreign input is never checked with this: it is parsed at the edge. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Thrown by `assert`: always a defect in sluice, never bad input. */
export class AssertionError extends Error {
  override name = 'AssertionError';
}
