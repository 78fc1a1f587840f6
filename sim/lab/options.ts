/** What the command line hands to the commands of the lab, already validated as far as that needs no scenario. */

/** Changes to a scenario, applied in this order: `set` last, each text `path=value`. */
export interface Overrides {
  policy?: string;
  seed?: number;
  clients?: number;
  fidelity?: 'reference' | 'standard' | 'scale';
  set: string[];
}

/** Where a result goes: as JSON to stdout, and into a file. */
export interface Output {
  json?: boolean;
  out?: string;
}

export interface RunOptions extends Overrides, Output {
  scenario: string;
  trace?: string;
  /** CLIENT=FILE. */
  record?: string;
}

export interface CompareOptions extends Omit<Overrides, 'policy'>, Output {
  scenario: string;
  /** Absent: all of the catalogue. */
  policies?: string[];
  /** How many seeds, counted up from the scenario's. */
  seeds?: number;
  workers?: number;
}

export interface QuotaShowOptions extends Overrides, Pick<Output, 'json'> {
  scenario: string;
  /** Seconds between two looks; absent: 1. */
  every?: number;
}

export interface ReproOptions extends Pick<Output, 'json'> {
  result: string;
}

export interface DemoOptions {
  quick?: boolean;
}

/** What a command may ask of the process that it runs in. */
export interface CommandContext {
  /**
   * From now on Ctrl-C prints this line (what is kept, how to go on) and ends with code 130; the answer undoes it.
   * Without it, Ctrl-C ends at once and silently, even in a loop that never yields: with it, only once the loop yields.
   */
  onInterrupt(whatIsKept: () => string): () => void;
  /**
   * From now on Ctrl-C calls this with how often it was pressed, and prints what it says; the second one ends the
   * process with code 130. The answer undoes it.
   */
  onDrain(drain: (times: number) => string): () => void;
}
