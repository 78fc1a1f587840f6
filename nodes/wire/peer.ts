/**
 * One BitTorrent connection after its handshake: what it is asked for, and what it asks for. Decisions are the
 * core's; here they become messages. A request stays with its peer until it is answered, rejected or taken back, so
 * that a block counts as on its way exactly as long as it may arrive.
 */
import type { Socket } from 'node:net';
import type { SourceKind } from '#core/record.ts';
import { type BegunPiece, blockBytes, blockLengthOf } from '../files/assembly.ts';
import type { Bringer, PieceIntake } from '../files/piece-intake.ts';
import type { GuardedWire } from './guarded-wire.ts';

/** What the peer sends in this time is asked for ahead: a round trip and its swings fit into that. */
const aheadSeconds = 1;
const blocksAheadMin = 16;
const blocksAheadMax = 1024;
/** Of the last second in the mean rate: about three seconds count. */
const meanWeight = 0.5;
/** A block that comes sooner than this is not slow. */
const slowBlockMilliseconds = 1000;
/** After a request was rejected. */
const restMilliseconds = 1000;

interface Claim {
  begun: BegunPiece;
  /** Blocks from here on have not been asked for. */
  nextBlock: number;
  /** 1 = the block is on its way; and how many are. */
  asked: Uint8Array;
  askedCount: number;
  broughtBytes: number;
}

/** What a peer needs of the swarm that it belongs to. */
export interface PeerSwarm {
  intake: PieceIntake;
  /** Whether one more piece may be asked for now. */
  mayClaim(peer: Peer): boolean;
  /** It brought bytes, of use or not. */
  brought(peer: Peer, bytes: number): void;
  part(peer: Peer, why: string): void;
}

export class Peer implements Bringer {
  /** May become known only with its extended handshake, which names the port that it listens on. */
  kind: SourceKind;
  /** Row in the core's tables. */
  readonly row: number;
  readonly wire: GuardedWire;
  readonly socket: Socket;
  readonly id: string;
  readonly #swarm: PeerSwarm;
  readonly #claims = new Map<number, Claim>();
  #blocksAsked = 0;
  /** Nothing is asked before this moment: it rejected a request. */
  #restsUntil = 0;
  /** When a block came last, or the first of several was asked for. */
  #waitingSince = 0;
  /** Something of use was read since the last look at what to ask for. */
  #hasNews = false;
  /** Blocks that may still come although we took them back. */
  #cancelledBytes = 0;
  wrongPieces = 0;
  receivedBytes = 0;
  sentBytes = 0;
  /** Since the last choke round, and the rate of the round before. */
  roundReceivedBytes = 0;
  roundBytesPerSecond = 0;
  /** Mean over the last seconds: by it one asks ahead. */
  receiveBytesPerSecond = 0;
  #measuredBytes = 0;
  isGone = false;

  constructor(swarm: PeerSwarm, row: number, kind: SourceKind, id: string, wire: GuardedWire, socket: Socket) {
    this.#swarm = swarm;
    this.row = row;
    this.kind = kind;
    this.id = id;
    this.wire = wire;
    this.socket = socket;
    wire.on('choke', () => this.#onChoke());
    wire.on('unchoke', () => this.fill());
    wire.onBlock = (piece, offset, bytes) => this.#onBlock(piece, offset, bytes);
    wire.onRejected = (piece, offset) => this.#onRejected(piece, offset);
    wire.onRead = () => this.#onRead();
  }

  get claimCount(): number {
    return this.#claims.size;
  }

  /** Keeps as much asked for as the peer sends in a second. */
  fill(): void {
    const { wire } = this;
    if (this.isGone || wire.peerChoking || performance.now() < this.#restsUntil) return;
    // What it has brought in the second that is under way says so sooner than the mean does, which is none at first.
    const bytesPerSecond = Math.max(this.receiveBytesPerSecond, this.receivedBytes - this.#measuredBytes);
    const ahead = Math.ceil((bytesPerSecond * aheadSeconds) / blockBytes);
    const blocksMax = Math.min(blocksAheadMax, Math.max(blocksAheadMin, ahead));
    while (this.#blocksAsked < blocksMax) {
      const claim = this.#claimWithWork() ?? this.#newClaim();
      if (claim === undefined) return;
      this.#askBlock(claim);
    }
  }

  /** Once a second. */
  measure(): void {
    const bytes = this.receivedBytes - this.#measuredBytes;
    this.#measuredBytes = this.receivedBytes;
    const isFirst = this.receiveBytesPerSecond === 0;
    this.receiveBytesPerSecond += (isFirst ? 1 : meanWeight) * (bytes - this.receiveBytesPerSecond);
  }

  /** Breaks off when no block has come for `milliseconds` although some are on their way. */
  checkSilence(milliseconds: number): void {
    if (this.#blocksAsked === 0 || performance.now() - this.#waitingSince < milliseconds) return;
    this.#restsUntil = performance.now() + milliseconds;
    for (const claim of [...this.#claims.values()]) this.#breakOff(claim);
  }

  /** Gives back what it would take longer than `milliseconds` to bring, so that somebody faster may. */
  releaseSlow(milliseconds: number): void {
    if (this.#claims.size === 0) return;
    const waitedMilliseconds = performance.now() - this.#waitingSince;
    const bytesPerMillisecond = this.receiveBytesPerSecond / 1000;
    const isSlow = this.#blocksAsked * blockBytes > bytesPerMillisecond * milliseconds;
    if (!isSlow || waitedMilliseconds < slowBlockMilliseconds) return;
    this.#restsUntil = performance.now() + milliseconds;
    for (const claim of [...this.#claims.values()]) this.#breakOff(claim);
  }

  /** The connection is over: others may bring what it was asked for. */
  leave(): void {
    this.isGone = true;
    for (const claim of [...this.#claims.values()]) this.#endClaim(claim);
  }

  pieceEnded(piece: number): void {
    const claim = this.#claims.get(piece);
    if (claim === undefined) return;
    this.#claims.delete(piece);
    this.#takeBack(claim);
    this.fill();
  }

  blockEnded(piece: number, block: number): void {
    const claim = this.#claims.get(piece);
    if (claim?.asked[block] === 1) this.#cancel(claim, block);
  }

  sentWrong(alone: boolean): void {
    this.wrongPieces++;
    // One that nobody else had a part in proves it; three in common are a pattern.
    if (alone || this.wrongPieces >= 3) this.#swarm.part(this, 'it sent a piece whose hash is wrong');
  }

  #claimWithWork(): Claim | undefined {
    for (const claim of this.#claims.values()) {
      const { blocks } = claim.begun;
      while (claim.nextBlock < blocks.length && blocks[claim.nextBlock] === 1) claim.nextBlock++;
      if (claim.nextBlock < blocks.length) return claim;
    }
    return undefined;
  }

  #newClaim(): Claim | undefined {
    const { core } = this.#swarm.intake;
    if (!this.#swarm.mayClaim(this)) return undefined;
    // Nothing is free: a race is for a peer that has nothing else to do, or it would race against itself.
    if (this.#claims.size > 0 && !core.sets.wants(0, this.row)) return undefined;
    const decision = core.ask(this.row);
    if (decision?.kind !== 'request') return undefined;
    const begun = this.#swarm.intake.claim(decision.piece, this);
    const asked = new Uint8Array(begun.blocks.length);
    const claim = { begun, nextBlock: 0, asked, askedCount: 0, broughtBytes: 0 };
    this.#claims.set(decision.piece, claim);
    return this.#claimWithWork();
  }

  #askBlock(claim: Claim): void {
    const block = claim.nextBlock++;
    claim.asked[block] = 1;
    claim.askedCount++;
    if (this.#blocksAsked++ === 0) this.#waitingSince = performance.now();
    this.wire.ask(claim.begun.piece, block * blockBytes, blockLengthOf(claim.begun, block));
  }

  /** The block is not on its way any more. */
  #answered(claim: Claim, block: number): void {
    claim.asked[block] = 0;
    claim.askedCount--;
    this.#blocksAsked--;
  }

  #onBlock(piece: number, offset: number, bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
    this.roundReceivedBytes += bytes.length;
    const claim = this.#claims.get(piece);
    const block = offset / blockBytes;
    if (claim?.asked[block] !== 1 || bytes.length !== blockLengthOf(claim.begun, block)) {
      return this.#onUnasked(bytes.length);
    }
    this.#hasNews = true;
    this.#answered(claim, block);
    if (this.#swarm.intake.put(claim.begun, block, bytes, this)) claim.broughtBytes += bytes.length;
    this.#swarm.brought(this, bytes.length);
    if (claim.askedCount === 0) this.#settle(claim);
  }

  /** A block that nobody asked for, or that was taken back too late. */
  #onUnasked(bytes: number): void {
    this.#swarm.intake.countDuplicate(this.kind, bytes);
    this.#cancelledBytes -= bytes;
    if (this.#cancelledBytes < 0) this.#swarm.part(this, 'it sent blocks that nobody asked for');
  }

  /** Asks for more once for all that came together. */
  #onRead(): void {
    if (!this.#hasNews) return;
    this.#hasNews = false;
    this.#waitingSince = performance.now();
    this.fill();
  }

  #onRejected(piece: number, offset: number): void {
    const claim = this.#claims.get(piece);
    const block = offset / blockBytes;
    if (this.isGone || claim?.asked[block] !== 1) return;
    this.#answered(claim, block);
    // A peer that rejects and does not choke would be asked again at once, for ever.
    if (!this.wire.peerChoking) this.#restsUntil = performance.now() + restMilliseconds;
    this.#settle(claim);
  }

  /** With the fast extension what was asked for is still answered; without, a choke forgets it. */
  #onChoke(): void {
    for (const claim of [...this.#claims.values()]) {
      if (!this.wire.hasFast) {
        for (let block = 0; block < claim.asked.length; block++)
          if (claim.asked[block] === 1) this.#forget(claim, block);
      }
      this.#settle(claim);
    }
  }

  /** A claim of which nothing is on its way, and nothing can be asked for, ends. */
  #settle(claim: Claim): void {
    const { begun } = claim;
    if (this.#claims.get(begun.piece) !== claim || claim.askedCount > 0 || begun.missingBlocks === 0) return;
    const mayAsk = !this.wire.peerChoking && performance.now() >= this.#restsUntil;
    if (mayAsk && begun.blocks.includes(0, claim.nextBlock)) return;
    this.#endClaim(claim);
  }

  #breakOff(claim: Claim): void {
    this.#endClaim(claim);
    this.#takeBack(claim);
  }

  #endClaim(claim: Claim): void {
    if (this.#claims.get(claim.begun.piece) !== claim) return;
    this.#claims.delete(claim.begun.piece);
    this.#swarm.intake.release(claim.begun, this, claim.broughtBytes);
  }

  #takeBack(claim: Claim): void {
    for (let block = 0; block < claim.asked.length; block++) if (claim.asked[block] === 1) this.#cancel(claim, block);
  }

  #cancel(claim: Claim, block: number): void {
    this.#forget(claim, block);
    this.wire.cancel(claim.begun.piece, block * blockBytes, blockLengthOf(claim.begun, block));
  }

  /** It may still come: that is no fault of the peer. */
  #forget(claim: Claim, block: number): void {
    this.#answered(claim, block);
    this.#cancelledBytes += blockLengthOf(claim.begun, block);
  }
}
