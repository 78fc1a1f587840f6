/** An entrance for foreign bytes, as the fuzzer knows it. */
export interface Target {
  readonly name: string;
  /** Inputs that are sound: what hostile ones are made of. */
  readonly sound: readonly Buffer[];
  /** Lets the bytes in. It throws where what stands behind the entrance failed, not where the bytes were refused. */
  take(bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}
