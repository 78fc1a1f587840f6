/**
 * Signed piece hashes between peers: a BEP 10 extension, `sluice_hashes`. Each end tells how many batches of each chain
 * it holds, asks for what it lacks, and is sent that; control's seal travels in the same way. A message is a bencoded
 * dictionary; behind that of a batch or a seal stand its bytes.
 *
 *     { t: 0, h: [batches held of each chain] }      { t: 2 } batch
 *     { t: 1, c: chain, f: first batch wanted }      { t: 3 } seal
 */

import { batchBytesMax } from '#nodes/protocol/hash-messages.ts';
import type { Growth } from '../files/growth.ts';
import { BadSignature } from '../files/hash-batch.ts';
import { decodePrefix, encodeBencode, integerAt, MalformedInput } from './bencode.ts';
import type { Peer } from './peer.ts';
import type { SwarmExtension } from './swarm-options.ts';

const name = 'sluice_hashes';
/** Our number for the extension: any that no other of ours has. */
const ourNumber = 10;
const kinds = { held: 0, want: 1, batch: 2, seal: 3 };
/** Relays of one file, and those that took their place. */
export const chainsMax = 256;
const sequenceMax = 0xffff_ffff;
const heldBytesMax = 8 * 1024;
/** In answer to one question; who wants more asks again. */
const batchesPerAnswer = 16;
const answerBytesMax = 256 * 1024;
/** An answer waits in no buffer that is fuller than this: the question comes again. */
const waitingBytesMax = 1024 * 1024;
/** A peer that was asked and has not answered: somebody else is. */
const patienceMilliseconds = 1000;
/** What comes within this is told together. */
const tellMilliseconds = 20;
/** Ten tellings a second of each relay, and answers. */
const messagesPerSecondMax = 500;

export type HashMessage =
  | { kind: 'held'; held: number[] }
  | { kind: 'want'; chain: number; from: number }
  | { kind: 'batch'; bytes: Uint8Array }
  | { kind: 'seal'; bytes: Uint8Array };

export function encodeHashMessage(message: HashMessage): Uint8Array {
  switch (message.kind) {
    case 'held':
      return encodeBencode({ h: message.held, t: kinds.held });
    case 'want':
      return encodeBencode({ c: message.chain, f: message.from, t: kinds.want });
    case 'batch':
    case 'seal':
      return Buffer.concat([encodeBencode({ t: kinds[message.kind] }), message.bytes]);
    default:
      return message satisfies never;
  }
}

/** `MalformedInput` says what is wrong with a message. */
export function decodeHashMessage(bytes: Uint8Array): HashMessage {
  const { value, endIndex } = decodePrefix(bytes);
  if (!(value instanceof Map)) throw new MalformedInput('hashes: not a dictionary');
  const rest = bytes.subarray(endIndex);
  const kind = integerAt(value, 't', 0, kinds.seal);
  if (kind === kinds.batch || kind === kinds.seal) {
    if (value.size !== 1 || rest.length > batchBytesMax) throw new MalformedInput('hashes: a batch that is none');
    return { kind: kind === kinds.batch ? 'batch' : 'seal', bytes: rest };
  }
  if (rest.length > 0) throw new MalformedInput('hashes: something behind the message');
  if (kind === kinds.want) {
    const chain = integerAt(value, 'c', 0, chainsMax - 1);
    const from = integerAt(value, 'f', 0, sequenceMax);
    if (chain === undefined || from === undefined || value.size !== 3) throw new MalformedInput('hashes: a bad want');
    return { kind: 'want', chain, from };
  }
  const held = value.get('h');
  if (kind !== kinds.held || value.size !== 2 || !Array.isArray(held) || bytes.length > heldBytesMax) {
    throw new MalformedInput('hashes: a message of no kind');
  }
  const counts = held.filter((count) => typeof count === 'number' && count >= 0 && count <= sequenceMax) as number[];
  if (counts.length !== held.length || counts.length > chainsMax) throw new MalformedInput('hashes: bad counts');
  return { kind: 'held', held: counts };
}

interface Neighbour {
  held: number[];
  /** Since the second began. */
  messages: number;
  hasSeal: boolean;
}

interface Question {
  peer: Peer;
  untilSequence: number;
  askedAt: number;
}

export class HashExchange implements SwarmExtension {
  readonly #growth: Growth;
  readonly #neighbours = new Map<Peer, Neighbour>();
  /** By chain: whom it was asked of. */
  readonly #questions = new Map<number, Question>();
  #telling: NodeJS.Timeout | undefined;
  #secondBegan = 0;

  constructor(growth: Growth) {
    this.#growth = growth;
  }

  offer(wire: Peer['wire']): void {
    wire.extendedMapping[ourNumber] = name;
  }

  /** The peer's extended handshake has been read. */
  greet(peer: Peer): void {
    if (peer.wire.peerExtendedMapping[name] === undefined || this.#neighbours.has(peer)) return;
    this.#neighbours.set(peer, { held: [], messages: 0, hasSeal: false });
    this.#tell(peer);
  }

  part(peer: Peer): void {
    this.#neighbours.delete(peer);
    for (const [chain, question] of this.#questions) if (question.peer === peer) this.#questions.delete(chain);
  }

  /** Answers which rule the peer broke, or nothing. */
  receive(peer: Peer, extension: string, bytes: Uint8Array): string | undefined {
    const neighbour = this.#neighbours.get(peer);
    if (extension !== name || neighbour === undefined) return undefined;
    if (++neighbour.messages > messagesPerSecondMax) return 'it sends too many hashes';
    try {
      this.#heed(peer, neighbour, decodeHashMessage(bytes));
    } catch (error) {
      if (error instanceof MalformedInput || error instanceof BadSignature) return `hashes: ${error.message}`;
      throw error;
    }
    return undefined;
  }

  /** There is more than there was: whoever is connected is told. */
  announce(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      for (const peer of this.#neighbours.keys()) this.#tell(peer);
      this.#ask();
    }, tellMilliseconds);
  }

  /** Once a second. */
  tick(): void {
    const now = performance.now();
    if (now - this.#secondBegan < 1000) return;
    this.#secondBegan = now;
    for (const neighbour of this.#neighbours.values()) neighbour.messages = 0;
    this.#ask();
  }

  close(): void {
    clearTimeout(this.#telling);
    this.#neighbours.clear();
  }

  #heed(peer: Peer, neighbour: Neighbour, message: HashMessage): void {
    switch (message.kind) {
      case 'held':
        neighbour.held = message.held;
        return this.#ask();
      case 'want':
        return this.#answer(peer, message.chain, message.from);
      case 'batch':
        this.#growth.receive(message.bytes);
        return this.#ask();
      case 'seal':
        neighbour.hasSeal = true;
        return this.#growth.receiveSeal(message.bytes);
      default:
        return message satisfies never;
    }
  }

  #tell(peer: Peer): void {
    const { manifest, seal } = this.#growth;
    const neighbour = this.#neighbours.get(peer);
    if (manifest.held.length > 0) this.#send(peer, { kind: 'held', held: manifest.held });
    if (seal === undefined || neighbour?.hasSeal !== false) return;
    neighbour.hasSeal = true;
    this.#send(peer, { kind: 'seal', bytes: seal.bytes });
  }

  /** Asks for what is missing here, of each chain one peer at a time. */
  #ask(): void {
    const now = performance.now();
    for (const [chain, count] of this.#growth.manifest.held.entries()) {
      const question = this.#questions.get(chain);
      const isOpen = question !== undefined && count < question.untilSequence;
      if (isOpen && now - question.askedAt < patienceMilliseconds) continue;
      this.#questions.delete(chain);
      const able = [...this.#neighbours].filter(([, { held }]) => (held[chain] ?? 0) > count);
      // After a silence somebody else, if there is somebody.
      const [found] = able.find(([peer]) => !isOpen || peer !== question?.peer) ?? able[0] ?? [];
      if (found === undefined) continue;
      const most = this.#neighbours.get(found)!.held[chain]!;
      const untilSequence = Math.min(most, count + batchesPerAnswer);
      this.#questions.set(chain, { peer: found, untilSequence, askedAt: now });
      this.#send(found, { kind: 'want', chain, from: count });
    }
  }

  #answer(peer: Peer, chain: number, from: number): void {
    let bytes = 0;
    for (let sequence = from; sequence < from + batchesPerAnswer; sequence++) {
      const batch = this.#growth.manifest.batchAt(chain, sequence);
      bytes += batch?.length ?? 0;
      if (batch === undefined || bytes > answerBytesMax || peer.wire.waitingBytes > waitingBytesMax) return;
      this.#send(peer, { kind: 'batch', bytes: batch });
    }
  }

  #send({ wire, isGone }: Peer, message: HashMessage): void {
    const their = wire.peerExtendedMapping[name];
    if (their !== undefined && their !== 0 && !isGone) wire.extended(their, encodeHashMessage(message));
  }
}
