/**
 * HTTP in virtual time: ranges from a relay or the origin. A range is a run of pieces on one connection; its pieces
 * follow without a gap, a new range costs a round trip. A relay that lacks what is asked holds the request until it
 * has pulled it; one that is full answers 503, and the client comes back with growing, jittered delays.
 */
import type { RequestReason } from '#core/host.ts';
import { scaled } from '#core/prng.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { microsecondsPerMillisecond, none } from '#core/units.ts';
import { ClaimedRanges } from './asked-ahead.ts';
import type { Network } from './network.ts';
import type { OriginDoor } from './origin-door.ts';
import { event, eventKind, type State, status } from './state.ts';
import { taskFlags, transferFlag } from './transfer-table.ts';

/** As nodes have it. */
const claimedSeconds = 2;

export interface HttpListener {
  gained(endpoint: number, piece: number, source: number): void;
  began(client: number, atMicroseconds: number): void;
  requested(client: number, source: number, piece: number, reason: RequestReason | 'range'): void;
  /** Every relay refused or is down: control may name another one. */
  anotherRelay(client: number): number;
}

export class HttpDownloads {
  /** Whether the client wants HTTP now. */
  readonly isOpen: Uint8Array;
  /** Connections in use, requests held by a relay included. */
  readonly active: Uint8Array;
  /** Bytes per second over all of a client's connections at most; Infinity = all that is free. */
  readonly rateMax: Float32Array;
  readonly #state: State;
  readonly #network: Network;
  readonly #downloads: Downloads;
  readonly #origin: OriginDoor;
  readonly #listener: HttpListener;
  /** Refusals in a row, for the back-off; and whether a retry is queued. */
  readonly #refusals: Uint8Array;
  readonly #isWaiting: Uint8Array;
  /** Pieces left of the range on a transfer. */
  #runLeft = new Uint32Array(64);
  /** Where a range claims all of its pieces at once: those behind the one under way, by transfer. */
  readonly #claimed: ClaimedRanges | null;
  /** Connections in use at the origin and the relays. */
  readonly connections: Uint32Array;
  /** Requests that a relay holds: clients, a linked list per relay. */
  readonly #heldFirst: Int32Array;
  readonly #heldNext: Int32Array;
  readonly #connectionsEach: number;
  readonly #flags: number;

  constructor(state: State, downloads: Downloads, origin: OriginDoor, listener: HttpListener) {
    this.#state = state;
    this.#network = state.network;
    this.#downloads = downloads;
    this.#origin = origin;
    this.#listener = listener;
    const { endpointCount, clientsFrom } = state.population;
    const count = state.policy.http.when === 'never' ? clientsFrom : endpointCount;
    this.isOpen = new Uint8Array(endpointCount);
    this.active = new Uint8Array(count);
    this.rateMax = new Float32Array(count).fill(Infinity);
    this.#refusals = new Uint8Array(count);
    this.#isWaiting = new Uint8Array(count);
    this.#heldFirst = new Int32Array(clientsFrom).fill(none);
    this.#heldNext = new Int32Array(count).fill(none);
    this.#connectionsEach = state.policy.http.connections;
    this.#flags = transferFlag.http | taskFlags(state.taskIndex);
    this.connections = state.connections;
    const claims = state.policy.swarm.enabled && state.scenario.model.requestAheadMilliseconds > 0;
    this.#claimed = claims ? new ClaimedRanges(state.sets) : null;
  }

  tableBytes(): number {
    return this.isOpen.byteLength + this.active.length * 11;
  }

  open(client: number, rateMax: number): void {
    this.isOpen[client] = 1;
    this.setRateMax(client, rateMax);
    this.pump(client);
  }

  /** No new requests; those under way end at their next piece. */
  close(client: number): void {
    this.isOpen[client] = 0;
  }

  setRateMax(client: number, rateMax: number): void {
    this.rateMax[client] = rateMax;
    // A rate of nothing lets what is under way come to its end, or it would hold its pieces for ever.
    if (this.active[client] === 0 || rateMax === 0) return;
    this.#forEachTransfer(client, (transfer) =>
      this.#network.setCap(transfer, this.#capOf(client, this.#network.source(transfer))),
    );
  }

  /** Uses the connections that are free. */
  pump(client: number): void {
    if (this.#isWaiting[client] === 0) this.pumpNow(client);
  }

  /** The same at once, though it was to come back later. */
  pumpNow(client: number): void {
    const state = this.#state;
    while (
      this.isOpen[client] !== 0 &&
      state.status[client] === status.downloading &&
      this.active[client] < this.#connectionsOfUse(client) &&
      this.rateMax[client] > 0
    ) {
      if (!this.#request(client)) return;
    }
  }

  /** A piece has arrived whole over HTTP: goes on with the range, or ends it. */
  arrived(transfer: number): void {
    const network = this.#network;
    const state = this.#state;
    const source = network.source(transfer);
    const client = network.target(transfer);
    const piece = network.piece(transfer);
    this.#take(source, client, piece);
    if (!network.isActive(transfer)) return;
    if (state.status[client] === status.downloading && this.#isWanted(client) && --this.#runLeft[transfer] > 0) {
      const next = this.#nextOf(transfer, source, client, piece);
      if (next !== none && this.#origin.mayGoOn(client, source)) {
        this.#listener.requested(client, source, next, 'range');
        const bytes =
          this.#claimed === null ? this.#downloads.claim(client, next) : this.#downloads.asked(client, next);
        this.#claimed?.begin(transfer, next);
        network.next(transfer, next, bytes);
        return;
      }
    }
    this.#endConnection(transfer, source, client);
    this.pump(client);
  }

  /** The piece that follows in the range, or `none`. */
  #nextOf(transfer: number, source: number, client: number, piece: number): number {
    if (this.#claimed !== null) return this.#claimed.next(transfer, client);
    const { pieceCount, sets } = this.#state;
    const next = piece + 1;
    return next < pieceCount && sets.nextWanted(client, source, next) === next ? next : none;
  }

  #isWanted(client: number): boolean {
    return this.isOpen[client] !== 0 && this.rateMax[client] > 0;
  }

  /** Ends a transfer whose piece is not whole; the caller books the bytes. */
  release(transfer: number): void {
    this.#endConnection(transfer, this.#network.source(transfer), this.#network.target(transfer));
  }

  retry(client: number): void {
    this.#isWaiting[client] = 0;
    this.pump(client);
  }

  /** A relay gained a piece: the requests that it holds may go on. */
  wakeHeld(relay: number): void {
    let client = this.#heldFirst[relay];
    this.#heldFirst[relay] = none;
    while (client !== none) {
      const next = this.#heldNext[client];
      this.#heldNext[client] = none;
      this.active[client]--;
      this.connections[relay]--;
      this.pump(client);
      client = next;
    }
  }

  /** A relay that went down lets go of what it holds. */
  dropHeld(relay: number): void {
    this.wakeHeld(relay);
  }

  #request(client: number): boolean {
    const source = this.#chooseSource(client);
    if (source === none) {
      this.#backOff(client);
      return false;
    }
    const piece = this.#state.sets.nextWanted(client, source, this.#startOf(client));
    if (piece === none) return this.#holdAt(source, client);
    this.#refusals[client] = 0;
    this.#startRange(client, source, piece);
    return true;
  }

  #startRange(client: number, source: number, piece: number): void {
    const state = this.#state;
    const isFirst = this.active[client] === 0;
    // A connection costs one round trip, a request another one.
    const delay = (isFirst ? 4 : 2) * state.latency(source, client);
    this.connections[source]++;
    this.active[client]++;
    this.#origin.began(client, source);
    const cap = this.#capOf(client, source);
    const bytes = this.#downloads.claim(client, piece);
    const transfer = this.#network.start(source, client, piece, bytes, cap, delay, this.#flags);
    if (transfer >= this.#runLeft.length) {
      const grown = new Uint32Array(Math.max(transfer + 1, this.#runLeft.length * 2));
      grown.set(this.#runLeft);
      this.#runLeft = grown;
    }
    this.#runLeft[transfer] = this.#rangePieces(source, client);
    this.#claimed?.claim(transfer, client, source, piece, this.#runLeft[transfer]);
    if (state.firstByteAt[client] === Infinity) this.#listener.began(client, state.now + delay);
    this.#listener.requested(client, source, piece, 'range');
  }

  /**
   * Without a swarm, the rest of the file. In one, a range; but of a relay that is still pulling only a piece, or all
   * that wait for it would take the same run and have nothing for each other.
   */
  #rangePieces(source: number, client: number): number {
    const { policy, pieceCount, sets } = this.#state;
    if (!policy.swarm.enabled) return pieceCount;
    if (!sets.isComplete(source)) return 1;
    if (this.#claimed === null) return policy.http.rangePieces;
    const each = Math.floor(this.#piecesOfUse(client) / this.#connectionsOfUse(client));
    return Math.max(1, Math.min(policy.http.rangePieces, each));
  }

  /** Where ranges claim their pieces: no more of them than the wanted rate brings soon. */
  #piecesOfUse(client: number): number {
    return Math.ceil((this.rateMax[client] * claimedSeconds) / this.#downloads.pieceLengthBytes);
  }

  #connectionsOfUse(client: number): number {
    return this.#claimed === null ? this.#connectionsEach : Math.min(this.#connectionsEach, this.#piecesOfUse(client));
  }

  /** In a swarm a range begins anywhere, so that clients bring different pieces; alone it begins at the front. */
  #startOf(client: number): number {
    const { sets } = this.#state;
    if (!this.#state.policy.swarm.enabled) return 0;
    return scaled(this.#downloads.draw(client), sets.pieceCount);
  }

  /** The client's relay, else another one, else the origin, as the policy's list says; `none` = come back later. */
  #chooseSource(client: number): number {
    const state = this.#state;
    for (const kind of state.policy.http.sources) {
      if (kind === 'relay') {
        let relay = state.relayOf[client];
        if (relay === none || !this.#accepts(relay)) relay = this.#listener.anotherRelay(client);
        if (relay === none || state.brake(relay, client) === 0) continue;
        if (this.#accepts(relay) && state.canReach(relay, client) && this.#helps(relay, client)) return relay;
      } else if (
        !this.#isServedByRelay(client) &&
        state.brake(0, client) > 0 &&
        this.#origin.mayAsk(client) &&
        this.#accepts(0) &&
        state.canReach(0, client)
      ) {
        return 0;
      }
    }
    return none;
  }

  /** The origin is for those whom no relay serves, not for a further connection of somebody whom one does. */
  #isServedByRelay(client: number): boolean {
    let isServed = false;
    this.#forEachTransfer(client, (transfer) => {
      if (this.#network.source(transfer) !== 0) isServed = true;
    });
    return isServed;
  }

  /** In a swarm a relay that holds nothing new for the client does not help; without one, the client waits there. */
  #helps(relay: number, client: number): boolean {
    return (
      !this.#state.policy.swarm.enabled ||
      this.#state.policy.http.sources.length === 1 ||
      this.#state.sets.wants(client, relay)
    );
  }

  #accepts(server: number): boolean {
    const state = this.#state;
    return state.status[server] !== status.down && this.connections[server] < state.connectionsMax(server);
  }

  /** The relay lacks all that the client wants: it holds the request. In a swarm the client looks again later. */
  #holdAt(source: number, client: number): boolean {
    const state = this.#state;
    if (state.sets.nextMissing(client, 0) === none) return false;
    if (!state.isRelay(source) || state.sets.isComplete(source) || this.active[client] > 0) {
      if (this.active[client] === 0) this.#backOff(client);
      return false;
    }
    this.active[client]++;
    this.connections[source]++;
    this.#heldNext[client] = this.#heldFirst[source];
    this.#heldFirst[source] = client;
    return false;
  }

  /** Exponential, full jitter (the client's own draw). */
  #backOff(client: number): void {
    // One retry is queued at a time.
    if (this.#isWaiting[client] !== 0) return;
    const { backoffFirst, backoffMax } = this.#state.policy.http;
    const refusals = this.#refusals[client];
    const longest = Math.min(backoffMax, backoffFirst * 2 ** Math.min(refusals, 16));
    const wait = scaled(this.#downloads.draw(client), longest);
    if (refusals < 255) this.#refusals[client]++;
    this.#isWaiting[client] = 1;
    this.#state.queue.push(
      this.#state.now + Math.max(1, wait) * microsecondsPerMillisecond,
      event(eventKind.httpRetry, client),
    );
  }

  #capOf(client: number, source: number): number {
    const share = this.rateMax[client] / Math.max(1, this.active[client]);
    return source === 0 ? Math.min(share, this.#origin.rateOf(client)) : share;
  }

  #take(source: number, client: number, piece: number): void {
    const { accounts } = this.#state;
    const bytes = this.#downloads.asked(client, piece);
    accounts.received(source, client, bytes);
    accounts.transferCount++;
    if (this.#downloads.received(client, piece, bytes)) {
      accounts.delivered(client, this.#downloads.pieceBytes(piece));
      this.#state.countShare(source, client, this.#downloads.pieceBytes(piece));
      this.#listener.gained(client, piece, source);
    } else {
      accounts.duplicate(client, bytes);
    }
  }

  #endConnection(transfer: number, source: number, client: number): void {
    this.#claimed?.end(transfer, client);
    this.#network.stop(transfer);
    this.active[client]--;
    this.connections[source]--;
    this.#origin.ended(client, source);
  }

  #forEachTransfer(client: number, visit: (transfer: number) => void): void {
    const network = this.#network;
    let transfer = network.firstTransfer(network.downlink(client));
    while (transfer !== none) {
      const next = network.nextIn(transfer);
      if (network.has(transfer, transferFlag.http)) visit(transfer);
      transfer = next;
    }
  }
}
