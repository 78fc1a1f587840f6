/**
 * One node's part in a file whose hashes are still being signed: it verifies pieces against what is signed, signs what
 * it pulled itself where control appointed it, keeps every batch on disk, and ends with control's seal.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { type Appointment, GrowingManifest, type Reception } from './growing-manifest.ts';
import {
  BadSignature,
  batchPiecesMax,
  decodeSeal,
  publicKeyOf,
  type Seal,
  type SignedPiece,
  type SigningKey,
  signBatch,
} from './hash-batch.ts';
import { HashLog } from './hash-log.ts';
import { type Manifest, printManifest } from './manifest.ts';
import { digestOf, isPiece } from './piece-hashes.ts';

export interface GrowthOptions {
  /** Path of the file once it is whole. */
  path: string;
  /** The private swarm: 40 hexadecimal digits. */
  swarm: string;
  /** Control's public key: 64 hexadecimal digits. */
  controlKey: string;
  pieceCount: number;
  appointments: readonly Appointment[];
  /** Whether this node pulls from the origin. */
  isRelay: boolean;
  /** What the manifest will say beside the hashes. */
  file: Omit<Manifest, 'sha1' | 'sha256'>;
}

/** Pieces that come within this time are signed together: half of what clients may be kept waiting for. */
const signMilliseconds = 100;
/** Much comes: memory that waits to be signed is memory that nothing new is pulled into. */
const signSoonMilliseconds = 20;
const signSoonBytes = 4 * 1024 * 1024;

interface Pending {
  signed: SignedPiece;
  done: () => void;
  fail: (error: Error) => void;
}

export class Growth {
  readonly options: GrowthOptions;
  readonly manifest: GrowingManifest;
  readonly #log: HashLog;
  readonly #controlKey: KeyObject;
  readonly #signer: SigningKey | undefined;
  /** Of a relay: the public key that it signs with, in hexadecimal. */
  readonly key: string | undefined;
  #pending: Pending[] = [];
  /** Pieces that are pending, or on their way to the disk. */
  readonly #signing = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #isSoon = false;
  /** A batch is on its way to the disk. */
  #isSigning = false;
  #isClosed = false;
  readonly #waiting = new Map<number, (() => void)[]>();
  #pendingBytes = 0;
  #seal: Seal | undefined;
  /** Hashes became known: pieces may be asked for that could not be verified before. */
  onKnown: (pieces: number[]) => void = () => {};
  /** A batch is new here: whoever lacks it may have it. */
  onBatch: (batch: Uint8Array) => void = () => {};
  /** Control has signed the whole, and its hashes are those that are held here. */
  onSeal: (manifest: Manifest, seal: Seal) => void = () => {};

  private constructor(options: GrowthOptions, log: HashLog) {
    this.options = options;
    this.#log = log;
    this.#signer = log.signer;
    this.key = log.signer === undefined ? undefined : Buffer.from(log.signer.key).toString('hex');
    this.#controlKey = publicKeyOf(Buffer.from(options.controlKey, 'hex'));
    this.manifest = new GrowingManifest(Buffer.from(options.swarm, 'hex'), options.pieceCount);
    this.manifest.appoint(options.appointments);
    this.#readLog();
  }

  static async open(options: GrowthOptions): Promise<Growth> {
    const log = await HashLog.open(options.path, Buffer.from(options.swarm, 'hex'), options.isRelay);
    return new Growth(options, log);
  }

  get seal(): Seal | undefined {
    return this.#seal;
  }

  /** Pieces that this node pulls from the origin and signs. */
  get ownRanges(): readonly { firstPiece: number; endPiece: number }[] {
    return this.key === undefined ? [] : this.manifest.rangesOf(this.key);
  }

  isKnown(piece: number): boolean {
    return this.manifest.isKnown(piece);
  }

  appoint(appointments: readonly Appointment[]): void {
    this.manifest.appoint(appointments);
    // What lies in the log of a signer that was not known when it was opened.
    this.#readLog();
  }

  /** A batch from control or a peer. `BadSignature`: whoever sent it has not verified it. */
  receive(batch: Uint8Array): Reception {
    const reception = this.manifest.add(batch);
    if (reception.kind !== 'new') return reception;
    this.#log.append([batch], false).catch(() => {});
    this.#believe(reception.pieces);
    this.onBatch(batch);
    return reception;
  }

  /** Control's word that this is all; `BadSignature` where it is not control's. Kept until the hashes are complete. */
  receiveSeal(bytes: Uint8Array): void {
    this.#seal ??= decodeSeal(bytes, this.manifest.swarm, this.#controlKey);
    this.#tellSealed();
  }

  /** Control's complete manifest; false where it contradicts what was believed: pieces have to be verified anew. */
  adopt(manifest: Manifest): boolean {
    const unknown = Array.from({ length: this.manifest.pieceCount }, (_, piece) => piece).filter(
      (piece) => !this.isKnown(piece),
    );
    if (!this.manifest.adopt(manifest)) return false;
    this.#believe(unknown);
    return true;
  }

  /**
   * Whether the bytes are those of the piece: signs them where that is this node's, and waits for the hash where it
   * is not known yet. A piece that this node may sign and whose hash nobody knows can only have come from the origin:
   * nobody else was asked for it.
   */
  async isRight(piece: number, bytes: Uint8Array): Promise<boolean> {
    if (!this.isKnown(piece)) {
      if (this.key !== undefined && this.manifest.maySign(this.key, piece)) return await this.#sign(piece, bytes);
      await this.#whenKnown(piece);
      if (!this.isKnown(piece)) return false;
    }
    return await isPiece(this.manifest, piece, bytes);
  }

  /** The log stays: what it says is verified anew when it is opened again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { fail } of this.#pending) fail(new Error('closed'));
    this.#pending = [];
    for (const waiting of this.#waiting.values()) for (const wake of waiting) wake();
    this.#waiting.clear();
    await this.#log.close();
  }

  #readLog(): void {
    let fresh: number[] = [];
    for (const batch of this.#log.batches) {
      try {
        const reception = this.manifest.add(batch);
        if (reception.kind === 'new') fresh = [...fresh, ...reception.pieces];
      } catch (error) {
        if (!(error instanceof BadSignature)) throw error;
      }
    }
    this.#believe(fresh);
  }

  #believe(pieces: number[]): void {
    if (pieces.length === 0) return;
    for (const piece of pieces) {
      for (const wake of this.#waiting.get(piece) ?? []) wake();
      this.#waiting.delete(piece);
    }
    this.onKnown(pieces);
    this.#tellSealed();
  }

  #tellSealed(): void {
    if (this.#seal === undefined || !this.manifest.isComplete) return;
    const manifest = this.manifest.complete(this.options.file);
    const digest = createHash('sha256').update(printManifest(manifest)).digest();
    if (digest.equals(this.#seal.manifest)) this.onSeal(manifest, this.#seal);
  }

  #whenKnown(piece: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(piece);
      if (waiting === undefined) this.#waiting.set(piece, [resolve]);
      else waiting.push(resolve);
    });
  }

  async #sign(piece: number, bytes: Uint8Array): Promise<boolean> {
    const [sha1, sha256] = [await digestOf('sha1', bytes), await digestOf('sha256', bytes)];
    if (this.#isClosed || this.#signing.has(piece)) return false;
    this.#signing.add(piece);
    await new Promise<void>((done, fail) => {
      this.#pending.push({ signed: { piece, sha1, sha256 }, done, fail });
      this.#pendingBytes += bytes.length;
      this.#signLater();
    });
    return true;
  }

  /** On disk first, then to others: after a crash this node would otherwise sign another batch of the same number. */
  async #signPending(): Promise<void> {
    this.#timer = undefined;
    this.#isSoon = false;
    this.#isSigning = true;
    this.#pendingBytes = 0;
    const batch = this.#pending.splice(0, batchPiecesMax).sort((left, right) => left.signed.piece - right.signed.piece);
    const next = this.manifest.nextOf(this.key!);
    try {
      if (next === undefined) throw new Error('nobody appointed this node');
      const pieces = batch.map(({ signed }) => signed);
      const bytes = signBatch(this.#signer!, { swarm: this.manifest.swarm, ...next, pieces });
      await this.#log.append([bytes], true);
      if (this.#isClosed) throw new Error('closed');
      const reception = this.manifest.add(bytes);
      this.onBatch(bytes);
      if (reception.kind === 'new') this.#believe(reception.pieces);
      for (const { done } of batch) done();
    } catch (error) {
      for (const { fail } of batch) fail(error as Error);
    }
    for (const { signed } of batch) this.#signing.delete(signed.piece);
    this.#isSigning = false;
    if (this.#pending.length > 0 && !this.#isClosed) this.#signLater();
  }

  #signLater(): void {
    if (this.#isSigning) return;
    const isMuch = this.#pendingBytes >= signSoonBytes;
    if (isMuch && !this.#isSoon) clearTimeout(this.#timer);
    else if (this.#timer !== undefined) return;
    this.#isSoon = isMuch;
    this.#timer = setTimeout(() => void this.#signPending(), isMuch ? signSoonMilliseconds : signMilliseconds);
  }
}
