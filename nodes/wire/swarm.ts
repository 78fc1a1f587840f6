/**
 * One torrent's swarm as one node takes part in it: the peers that are connected, what they hold, who is served.
 * A relay that is still pulling and a client are the same here; they differ in what else brings them pieces.
 */
import type { Socket } from 'node:net';
import type { SourceKind } from '#core/record.ts';
import type { PieceIntake } from '../files/piece-intake.ts';
import { packed } from '../files/piece-store.ts';
import { decodeDictionary, integerAt } from './bencode.ts';
import { ChokeRounds } from './choke-rounds.ts';
import type { PeerAddress } from './compact-peers.ts';
import { addressOf, connectTo } from './connection.ts';
import type { GuardedWire, WireFile } from './guarded-wire.ts';
import { Metadata } from './metadata.ts';
import { Peer, type PeerSwarm } from './peer.ts';
import { exchangeName, PeerExchange } from './peer-exchange.ts';
import type { Address, SwarmOptions } from './swarm-options.ts';
import { Uploads } from './uploads.ts';

/** From the first packet to the peer's handshake. */
const handshakeMilliseconds = 15_000;
/** A peer that sends nothing at all, not even a keep-alive (BEP 3: every two minutes). */
const idleMilliseconds = 150_000;
/** No block for this long although some were asked for: ask others. */
const silenceMilliseconds = 30_000;
/** Nothing of what was sent was taken for this long: the slot is somebody else's. */
const stalledMilliseconds = 60_000;
/** An address is tried again after this, doubled each time. */
const retryMilliseconds = 3000;
const retryMillisecondsMax = 600_000;
/** A piece is not kept from peers for longer than this. */
const heldBackSecondsMax = 3;
const addressesMax = 2000;
/** Connections whose handshake is under way. */
const connectingMax = 10;

export class Swarm implements PeerSwarm {
  readonly intake: PieceIntake;
  readonly options: SwarmOptions;
  readonly peers = new Map<number, Peer>();
  readonly uploads: Uploads;
  readonly #file: WireFile;
  #metadata: Metadata | null;
  /** Handshakes name the first one; the others are answered too. */
  #infoHashes: Uint8Array[];
  /** What peers announced that could not be verified yet. */
  readonly #unknown = new Map<Peer, Set<number>>();
  readonly #rounds: ChokeRounds;
  readonly #exchange: PeerExchange | null;
  readonly #addresses = new Map<string, Address>();
  readonly #banned = new Set<string>();
  readonly #freeRows: number[] = [];
  readonly #claimsMax: number;
  readonly #timer: NodeJS.Timeout;
  /** The last piece but one, not told yet, and for how long. */
  #heldBack: { piece: number; seconds: number } | undefined;
  #connecting = 0;
  #isClosed = false;
  #asks: 'everybody' | 'relays' | 'nobody' = 'everybody';
  /** Whether anybody is served: before that, peers connect and wait. */
  isServing = true;
  /** Payload that peers brought, relays included. */
  receivedBytes = 0;
  onLog: (text: string, detail: object) => void = () => {};

  constructor(intake: PieceIntake, options: SwarmOptions) {
    this.intake = intake;
    this.options = options;
    const { core, store } = intake;
    const { sizeBytes, pieceLengthBytes } = store.file;
    this.#file = { sizeBytes, pieceLengthBytes, pieceCount: store.pieceCount };
    this.#exchange = options.exchangesPeers ? new PeerExchange((host, port) => this.know(host, port)) : null;
    this.#metadata = options.info === null ? null : new Metadata(options.info);
    this.#infoHashes = [options.infoHash];
    this.uploads = new Uploads(store, options.uploadPaces);
    this.#rounds = new ChokeRounds(core, options.uploadSlots, options.optimisticSlots);
    for (let row = core.options.neighboursMax; row >= 1; row--) this.#freeRows.push(row);
    // The policy counts pieces of some megabytes: small ones are asked for in the same number of bytes.
    const { requestsInFlight } = core.options.policy.swarm;
    this.#claimsMax = Math.max(requestsInFlight, Math.ceil((requestsInFlight * 1024 * 1024) / pieceLengthBytes));
    this.#timer = setInterval(() => this.#tick(), 1000);
  }

  // ---- Who is connected ---------------------------------------------------------------------------------------

  /** Peers to connect to, as a tracker, a magnet link or control names them. */
  know(host: string, port: number): void {
    const key = `${host}:${port}`;
    if (this.#addresses.has(key) || this.#addresses.size >= addressesMax || port < 1 || port > 65_535) return;
    this.#addresses.set(key, { host, port, failures: 0, nextTryAt: 0, isBusy: false, usesFormer: false });
    this.#connectMore();
  }

  /** A connection whose handshake the listener has read: `wire` has not answered it yet. */
  welcome(socket: Socket, wire: GuardedWire, peerId: string, infoHash: string): void {
    wire.knowFile(this.#file);
    this.#prepare(wire);
    wire.handshake(infoHash, this.options.peerId, { fast: true });
    this.#join(socket, wire, peerId, 'peer');
  }

  /** The same swarm under its lasting name; whoever is connected stays, and the former name is still answered. */
  rename(infoHash: Uint8Array, info: Uint8Array): void {
    this.#infoHashes = [infoHash, ...this.#infoHashes];
    this.#metadata = new Metadata(info);
    for (const address of this.#addresses.values()) address.nextTryAt = 0;
  }

  /** Hashes of these pieces became known: who announced them may be asked for them. */
  learn(pieces: number[]): void {
    for (const [peer, unknown] of this.#unknown) {
      const known = pieces.filter((piece) => unknown.delete(piece));
      if (known.length > 0) this.#heard(peer, known);
    }
  }

  /** Whose pieces are asked for now. */
  get asks(): 'everybody' | 'relays' | 'nobody' {
    return this.#asks;
  }

  set asks(whose: 'everybody' | 'relays' | 'nobody') {
    if (whose === this.#asks) return;
    this.#asks = whose;
    for (const peer of this.peers.values()) this.#interest(peer);
  }

  get peerCount(): number {
    return this.peers.size;
  }

  /** Whether there is room for one more connection. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#freeRows.length > 0;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.options.extension?.close();
    for (const peer of [...this.peers.values()]) this.part(peer, 'closing');
  }

  #connectMore(): void {
    const now = performance.now();
    for (const address of this.#addresses.values()) {
      if (!this.hasRoom || this.#connecting >= connectingMax) return;
      if (address.isBusy || address.nextTryAt > now || this.#banned.has(address.host)) continue;
      this.#connect(address);
    }
  }

  #connect(address: Address): void {
    const { host, port } = address;
    const { socket, wire } = connectTo(host, port, this.#file);
    const infoHash = this.#infoHashes[address.usesFormer ? this.#infoHashes.length - 1 : 0]!;
    address.isBusy = true;
    this.#connecting++;
    let isGreeted = false;
    let isPending = true;
    const settle = () => {
      if (isPending) this.#connecting--;
      isPending = false;
    };
    const timer = setTimeout(() => {
      if (!isGreeted) socket.destroy();
    }, handshakeMilliseconds);
    socket.once('connect', () => {
      this.#prepare(wire);
      wire.handshake(infoHash, this.options.peerId, { fast: true });
    });
    wire.once('handshake', (answered: string, peerId: string) => {
      settle();
      isGreeted = answered === hex(infoHash);
      if (!isGreeted || peerId === hex(this.options.peerId)) {
        // Ourselves, or another torrent: for a long time not again.
        address.failures = 10;
        socket.destroy();
        return;
      }
      address.failures = 0;
      this.intake.core.handshake(true);
      this.#join(socket, wire, peerId, this.options.kindOf(host, port), { host, port });
    });
    wire.onBroken = (rule) => this.onLog('peer broke a rule', { rule });
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      settle();
      address.isBusy = false;
      address.usesFormer = !isGreeted && !address.usesFormer && this.#infoHashes.length > 1;
      if (!isGreeted && !this.#isClosed) this.intake.core.handshake(false);
      const wait = Math.min(retryMillisecondsMax, retryMilliseconds * 2 ** Math.min(address.failures++, 10));
      address.nextTryAt = performance.now() + wait;
    });
  }

  #prepare(wire: GuardedWire): void {
    this.#metadata?.offer(wire);
    this.#exchange?.offer(wire);
    this.options.extension?.offer(wire);
    if (this.options.listenPort > 0) wire.extendedHandshake.p = this.options.listenPort;
    wire.extendedHandshake.v = 'sluice';
    wire.extendedHandshake.reqq = 1024;
  }

  #join(socket: Socket, wire: GuardedWire, peerId: string, kind: SourceKind, address?: PeerAddress): void {
    const isKnown = [...this.peers.values()].some((peer) => peer.id === peerId);
    const row = this.#freeRows.at(-1);
    const isBanned = this.#banned.has(socket.remoteAddress ?? '');
    if (isKnown || isBanned || row === undefined || this.#isClosed || peerId === hex(this.options.peerId)) {
      socket.destroy();
      wire.destroy();
      return;
    }
    this.#freeRows.pop();
    const peer = new Peer(this, row, kind, peerId, wire, socket);
    this.peers.set(row, peer);
    const { core } = this.intake;
    core.join(row);
    this.#exchange?.join(wire, address);
    socket.setTimeout(idleMilliseconds, () => this.part(peer, 'silent'));
    wire.setKeepAlive(true);
    wire.onBroken = (rule) => this.part(peer, rule);
    wire.onExtension = (name, message) => {
      if (name === 'handshake') {
        this.#recognise(peer, message);
        this.options.extension?.greet(peer);
        return;
      }
      if (name === exchangeName) this.#exchange?.heard(wire, addressOf(socket), message, performance.now());
      this.#metadata?.answer(wire, name, message);
      const rule = this.options.extension?.receive(peer, name, message);
      if (rule !== undefined) this.part(peer, rule);
    };
    wire.on('close', () => this.part(peer, 'closed'));
    socket.once('close', () => this.part(peer, 'closed'));
    this.#listen(peer);
    this.uploads.serve(peer);
    this.#tellWhatWeHold(peer);
  }

  #listen(peer: Peer): void {
    const { core } = this.intake;
    const { wire, row } = peer;
    wire.on('have', (piece: number) => this.#heard(peer, [piece]));
    wire.on('bitfield', (bits: { get(piece: number): boolean }) => {
      const pieces: number[] = [];
      for (let piece = 0; piece < this.#file.pieceCount; piece++) if (bits.get(piece)) pieces.push(piece);
      this.#heard(peer, pieces);
    });
    wire.on('have-all', () => {
      if (peer.isGone) return;
      if (this.options.isKnown !== undefined) {
        return this.#heard(
          peer,
          Array.from({ length: this.#file.pieceCount }, (_, piece) => piece),
        );
      }
      core.heardAll(row);
      this.#interest(peer);
    });
    wire.on('interested', () => this.serve());
    wire.on('uninterested', () => {
      wire.choke();
      this.serve();
    });
  }

  /** A peer that connected to us is a relay if it listens where a relay does. */
  #recognise(peer: Peer, handshake: Uint8Array): void {
    const port = integerAt(decodeDictionary(handshake), 'p', 1, 65_535);
    if (port === undefined) return;
    const host = addressOf(peer.socket);
    this.#exchange?.join(peer.wire, { host, port });
    if (peer.kind === 'relay') return;
    peer.kind = this.options.kindOf(host, port);
    this.#interest(peer);
  }

  #heard(peer: Peer, pieces: number[]): void {
    if (peer.isGone) return;
    const { isKnown } = this.options;
    const known = isKnown === undefined ? pieces : pieces.filter((piece) => isKnown(piece));
    const unknown = this.#unknown.get(peer) ?? new Set();
    if (isKnown !== undefined) this.#unknown.set(peer, unknown);
    if (known.length < pieces.length) for (const piece of pieces) if (!isKnown!(piece)) unknown.add(piece);
    if (known.length === 0) return;
    this.intake.core.heard(peer.row, known);
    this.#interest(peer);
  }

  #tellWhatWeHold({ wire }: Peer): void {
    const { store } = this.intake;
    if (wire.hasFast && store.isComplete) return wire.haveAll();
    if (wire.hasFast && store.heldCount === 0) return wire.haveNone();
    const flags = Uint8Array.from({ length: store.pieceCount }, (_, piece) => (store.has(piece) ? 1 : 0));
    if (store.heldCount > 0) wire.bitfield(packed(flags));
  }

  // ---- What peers ask of the swarm ----------------------------------------------------------------------------

  mayClaim(peer: Peer): boolean {
    if (this.#isClosed || !this.#asksOf(peer) || !this.intake.hasRoom) return false;
    let claims = 0;
    for (const other of this.peers.values()) claims += other.claimCount;
    // Each may bring one piece, whatever the others do.
    return peer.claimCount === 0 || claims < this.#claimsMax;
  }

  brought(_peer: Peer, bytes: number): void {
    this.receivedBytes += bytes;
  }

  part(peer: Peer, why: string): void {
    if (this.peers.get(peer.row) !== peer) return;
    this.peers.delete(peer.row);
    this.#exchange?.part(peer.wire);
    if (why.startsWith('it sent a piece')) this.#banned.add(peer.socket.remoteAddress ?? '');
    if (why !== 'closed' && why !== 'closing') this.onLog('parted from a peer', { why });
    peer.leave();
    this.#unknown.delete(peer);
    this.options.extension?.part(peer);
    this.intake.core.part(peer.row);
    this.#freeRows.push(peer.row);
    peer.socket.destroy();
    peer.wire.destroy();
    if (!this.#isClosed) this.serve();
  }

  // ---- What we tell them --------------------------------------------------------------------------------------

  /**
   * A piece came, from wherever. The last but one is told together with the last: libtorrent (2.0) takes a peer that
   * turns into a seed for useless, and stays away for a minute, if it wanted nothing of it just before.
   */
  announce(piece: number): void {
    const { store } = this.intake;
    if (store.heldCount === store.pieceCount - 1) {
      this.#heldBack = { piece, seconds: 0 };
      return;
    }
    if (store.isComplete) this.#tellHeldBack();
    this.#tell(piece);
  }

  #tellHeldBack(): void {
    const held = this.#heldBack;
    this.#heldBack = undefined;
    if (held !== undefined) this.#tell(held.piece);
  }

  #tell(piece: number): void {
    for (const peer of this.peers.values()) {
      peer.wire.have(piece);
      this.#interest(peer, false);
    }
  }

  /** Takes back what peers would bring too slowly. */
  releaseSlow(milliseconds: number): void {
    for (const peer of this.peers.values()) peer.releaseSlow(milliseconds);
  }

  /** Gives free slots to whoever waits for one. */
  serve(): void {
    if (this.isServing) this.#rounds.fill(this.peers);
  }

  #interest(peer: Peer, fills = true): void {
    const isInteresting = this.#asksOf(peer) && this.intake.core.sets.lacksFrom(0, peer.row);
    if (isInteresting) peer.wire.interested();
    else peer.wire.uninterested();
    if (isInteresting && fills) peer.fill();
  }

  #asksOf(peer: Peer): boolean {
    return this.asks === 'everybody' || (this.asks === 'relays' && peer.kind === 'relay');
  }

  #tick(): void {
    for (const peer of this.peers.values()) peer.measure();
    if (this.isServing) this.#rounds.tick(this.peers);
    this.options.extension?.tick();
    if (this.#heldBack !== undefined && ++this.#heldBack.seconds > heldBackSecondsMax) this.#tellHeldBack();
    for (const peer of [...this.peers.values()]) {
      peer.checkSilence(silenceMilliseconds);
      if (peer.wire.stalledMilliseconds > stalledMilliseconds) this.part(peer, 'it takes nothing of what it asked for');
      peer.fill();
    }
    this.#exchange?.tell(performance.now());
    this.#connectMore();
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
