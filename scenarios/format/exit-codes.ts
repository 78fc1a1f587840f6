/** What a process tells whoever started it; scripts build on these numbers. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** A scenario or a configuration that cannot be used. */
  invalid: 3,
  /** An expectation or a checker failed. */
  expectation: 4,
  someTrialsFailed: 5,
  unreachable: 6,
  /** As shells count an end by SIGINT. */
  interrupted: 130,
} as const;

/** Ends the command: the message goes to stderr without a stack, the code to whoever started it. */
export class Stop extends Error {
  override name = 'Stop';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
