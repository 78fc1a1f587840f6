/**
 * Files without a manifest: control appoints the relays that sign piece hashes while they pull, keeps and passes on
 * what they sign, fetches some pieces again to hold against it, and signs the whole once it is complete.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { HashesFromNode } from '#nodes/protocol/hash-messages.ts';
import { appointmentsMax, batchesFromControl, hashBytesFromControl } from '#nodes/protocol/hash-messages.ts';
import { GrowingManifest, manifestFile } from '../files/growing-manifest.ts';
import {
  BadSignature,
  decodeBatch,
  newSigningKey,
  type SigningKey,
  signingKeyOf,
  signSeal,
} from '../files/hash-batch.ts';
import { pieceCountOf, pieceLengthFor, printManifest } from '../files/manifest.ts';
import type { GrowingRecord, HashBatchRecord, RelayTaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { infoHashOf, infoOf } from '../wire/metainfo.ts';
import type { Log } from './control.ts';
import type { FleetNode, Session } from './fleet.ts';
import { type AuditResult, auditPiece, HashAudit } from './hash-audit.ts';
import { changeOf } from './origin-probe.ts';
import { accessOf } from './origin-reach.ts';
import type { Budget } from './own-access.ts';
import { isLive, type TaskEntry, type TaskTable } from './task-table.ts';

/** Clients that are told at once; the others have it from them, and from control this often. */
const promptReadersMax = 256;
const otherReadersMilliseconds = 2_000;

export interface GrowthEvents {
  /** The task is wanted differently: every node of it is to hear. */
  revise(entry: TaskEntry): void;
  /** The relay signed what the origin does not have. */
  onLiar(entry: TaskEntry, row: RelayTaskRecord): void;
  /** Nothing of it can be of use to anybody. */
  onDead(entry: TaskEntry, problem: string): void;
  /** Looks at the origin within what the contract leaves. */
  look<Result>(entry: TaskEntry, work: (budget: Budget) => Promise<Result>): Promise<Result>;
}

interface Reader {
  session: Session;
  held: number[];
  isDue: boolean;
  toldAtMilliseconds: number;
}

interface Growing {
  swarm: string;
  manifest: GrowingManifest;
  audit: HashAudit;
  /** The first ones are told at once. */
  readers: Map<FleetNode, Reader>;
  isSealing: boolean;
}

/** Another epoch of a file: what was signed in an earlier one counts for nothing. */
export function newEpoch(sizeBytes: number, distrusted: string[] = []): GrowingRecord {
  return {
    swarm: randomBytes(20).toString('hex'),
    access: randomBytes(24).toString('base64url'),
    pieceLengthBytes: pieceLengthFor(sizeBytes),
    appointments: [],
    distrusted,
  };
}

/** Whether hashes of the task are still being signed. */
export const isGrowing = ({ record }: TaskEntry): boolean =>
  record.growing !== undefined && record.manifest === undefined;

export class GrowthDesk {
  readonly #store: Store;
  readonly #tasks: TaskTable;
  readonly #events: GrowthEvents;
  readonly #log: Log;
  readonly #key: SigningKey;
  readonly #growing = new Map<TaskEntry, Growing>();
  #unwritten: HashBatchRecord[] = [];

  private constructor(store: Store, tasks: TaskTable, events: GrowthEvents, log: Log, key: SigningKey) {
    this.#store = store;
    this.#tasks = tasks;
    this.#events = events;
    this.#log = log;
    this.#key = key;
  }

  static async open(store: Store, tasks: TaskTable, events: GrowthEvents, log: Log): Promise<GrowthDesk> {
    const made = newSigningKey();
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    const kept = await store.signingKey('manifests', { secret: hex(made.secret), public: hex(made.key) });
    const key = signingKeyOf(Buffer.from(kept.secret, 'hex'), Buffer.from(kept.public, 'hex'));
    return new GrowthDesk(store, tasks, events, log, key);
  }

  /** The public key, in hexadecimal. */
  get key(): string {
    return Buffer.from(this.#key.key).toString('hex');
  }

  /** What was stored of a task, after a restart. */
  async restore(entry: TaskEntry): Promise<void> {
    const { id, growing } = entry.record;
    if (!isGrowing(entry) || !isLive(entry)) return;
    const one = this.#of(entry);
    for (const { body } of await this.#store.hashBatches(id, growing!.swarm)) {
      const reception = one.manifest.add(Buffer.from(body, 'base64'));
      if (reception.kind === 'new') one.audit.signed(reception.pieces);
    }
  }

  /** A relay has taken its task, and will sign with this key. */
  appoint(entry: TaskEntry, row: RelayTaskRecord, key: string): void {
    if (!isGrowing(entry) || entry.record.growing!.appointments.some((one) => one.key === key)) return;
    this.#appoint(entry, { relay: row.relay, key, ...piecesOf(entry, row) });
  }

  /** Answers what is wrong with the message, or nothing. */
  receive(node: FleetNode, message: HashesFromNode): string | undefined {
    const entry = this.#tasks.tasks.get(message.task);
    const { name } = node.record;
    if (entry === undefined || !(entry.relays.has(name) || entry.clients.has(name))) {
      return `hashes: ${message.task} is no task of this node`;
    }
    // Of an epoch that is over, or whose manifest is whole: the node hears of that by its assignment.
    if (!isGrowing(entry) || message.swarm !== entry.record.growing!.swarm || node.session === undefined)
      return undefined;
    const growing = this.#of(entry);
    const before = growing.readers.get(node);
    const toldAtMilliseconds = before?.session === node.session ? before.toldAtMilliseconds : 0;
    growing.readers.set(node, { session: node.session, held: message.held, isDue: true, toldAtMilliseconds });
    for (const batch of message.batches) {
      const problem = this.#take(entry, growing, Buffer.from(batch, 'base64'));
      if (problem !== undefined) return `hashes: ${problem}`;
    }
    return undefined;
  }

  /** A node says that the file has changed: control asks the origin itself before anything is thrown away. */
  async confirmChange(entry: TaskEntry): Promise<void> {
    const { file, query, id } = entry.record;
    const access = accessOf(entry.origin, query);
    try {
      const problem = await this.#events.look(entry, (budget) => changeOf(file, access, budget));
      if (problem !== undefined) this.#events.onDead(entry, problem);
    } catch (error) {
      this.#log.warn({ task: id, problem: String(error) }, 'the file could not be looked at');
    }
  }

  /** Writes what came, and passes it on. */
  async beat(nowMilliseconds: number): Promise<void> {
    if (this.#unwritten.length > 0) await this.#store.addHashBatches(this.#unwritten.splice(0));
    for (const [entry, growing] of this.#growing) {
      if (!isGrowing(entry) || !isLive(entry)) this.#growing.delete(entry);
      else {
        this.#passOn(entry, growing, nowMilliseconds);
        if (entry.record.state === 'active') this.#check(entry, growing);
      }
    }
  }

  /** Once a second: ranges that nobody pulls any more. */
  look(): void {
    for (const [entry, growing] of this.#growing) {
      if (entry.record.state === 'active' && isGrowing(entry)) this.#cover(entry, growing);
    }
  }

  /** Audits what is due; signs the whole once all is there and right. */
  #check(entry: TaskEntry, growing: Growing): void {
    const { audit, manifest } = growing;
    const { id } = entry.record;
    for (const { piece } of manifest.contradictions) audit.suspect(piece);
    audit.run(
      (piece) => this.#fetch(entry, growing, piece),
      (piece, result) => this.#heed(entry, growing, piece, result),
      (error) => this.#log.warn({ task: id, problem: error.message }, 'a piece could not be audited'),
    );
    if (!audit.isPassed || growing.isSealing) return;
    growing.isSealing = true;
    this.#seal(entry, growing).catch((error: Error) => {
      growing.isSealing = false;
      this.#log.error({ task: id, problem: error.message }, 'a manifest could not be sealed');
    });
  }

  #of(entry: TaskEntry): Growing {
    const { growing, file } = entry.record;
    const { swarm, pieceLengthBytes, appointments } = growing!;
    const known = this.#growing.get(entry);
    if (known?.swarm === swarm) return known;
    const pieceCount = pieceCountOf({ sizeBytes: file.sizeBytes, pieceLengthBytes });
    const manifest = new GrowingManifest(Buffer.from(swarm, 'hex'), pieceCount);
    manifest.appoint(appointments);
    const made = { swarm, manifest, audit: new HashAudit(manifest), readers: new Map(), isSealing: false };
    this.#growing.set(entry, made);
    return made;
  }

  #appoint(entry: TaskEntry, appointment: GrowingRecord['appointments'][number]): void {
    const { growing } = entry.record;
    if (growing === undefined || growing.appointments.length >= appointmentsMax) return;
    growing.appointments.push(appointment);
    this.#of(entry).manifest.appoint([appointment]);
    this.#events.revise(entry);
    this.#log.info({ task: entry.record.id, ...appointment }, 'a relay signs hashes');
  }

  #take(entry: TaskEntry, { manifest, audit, swarm }: Growing, bytes: Uint8Array): string | undefined {
    try {
      const reception = manifest.add(bytes);
      if (reception.kind !== 'new') return undefined;
      const { key, sequence } = decodeBatch(bytes);
      const signer = Buffer.from(key).toString('hex');
      const body = Buffer.from(bytes).toString('base64');
      this.#unwritten.push({ task: entry.record.id, swarm, signer, sequence, body });
      audit.signed(reception.pieces);
      return undefined;
    } catch (error) {
      if (!(error instanceof BadSignature)) throw error;
      this.#log.warn({ task: entry.record.id, problem: error.message }, 'hashes were refused');
      return error.message;
    }
  }

  #passOn(entry: TaskEntry, { manifest, readers, swarm }: Growing, nowMilliseconds: number): void {
    let position = 0;
    for (const [node, reader] of readers) {
      if (node.session !== reader.session) {
        readers.delete(node);
        continue;
      }
      const isPrompt = node.record.role === 'relay' || position++ < promptReadersMax;
      const isTurn = isPrompt || nowMilliseconds - reader.toldAtMilliseconds >= otherReadersMilliseconds;
      if (!reader.isDue && !isTurn) continue;
      const missing = manifest.since(reader.held, batchesFromControl, hashBytesFromControl);
      if (missing.length === 0 && !reader.isDue) continue;
      reader.held = manifest.after(reader.held, missing);
      reader.isDue = false;
      reader.toldAtMilliseconds = nowMilliseconds;
      const batches = missing.map((batch) => Buffer.from(batch).toString('base64'));
      reader.session.send({ kind: 'hashes', task: entry.record.id, swarm, held: manifest.held, batches });
    }
  }

  /** What a relay that is gone did not come to pull, another one does: nobody else may sign it. */
  #cover(entry: TaskEntry, { manifest }: Growing): void {
    const rows = [...entry.relays.values()];
    const active = rows.filter(({ state }) => state !== 'moved');
    const { appointments } = entry.record.growing!;
    const signing = active.filter(({ relay }) => appointments.some((one) => one.relay === relay));
    const [next] = signing;
    // Whoever has just been given a part has not said its key yet.
    if (next === undefined || signing.length < active.length) return;
    const isActive = (relay: string) => active.some((row) => row.relay === relay);
    const parts = [...appointments, ...rows.map((row) => ({ relay: row.relay, ...piecesOf(entry, row) }))];
    for (const { relay, firstPiece, endPiece } of parts) {
      if (isActive(relay)) continue;
      const isLacking = lacks(manifest, firstPiece, endPiece);
      const isCovered = appointments.some(
        (one) => isActive(one.relay) && one.firstPiece <= firstPiece && one.endPiece >= endPiece,
      );
      if (!isLacking || isCovered) continue;
      const { key } = appointments.findLast((one) => one.relay === next.relay)!;
      this.#appoint(entry, { relay: next.relay, key, firstPiece, endPiece });
    }
  }

  #fetch(entry: TaskEntry, { manifest }: Growing, piece: number): Promise<AuditResult> {
    const { file, growing, query } = entry.record;
    const access = accessOf(entry.origin, query);
    return this.#events.look(entry, (budget) =>
      auditPiece(file, access, growing!.pieceLengthBytes, manifest, piece, budget),
    );
  }

  async #heed(entry: TaskEntry, growing: Growing, piece: number, result: AuditResult): Promise<void> {
    if (this.#growing.get(entry) !== growing) return;
    if (result === 'changed') return this.#events.onDead(entry, 'the file changed at its origin while it was pulled');
    const contradiction = growing.manifest.contradictions.find((one) => one.piece === piece);
    if (result === 'same' && contradiction === undefined) return;
    const liar = result === 'same' ? contradiction!.keys[1] : growing.manifest.signerOf(piece)!;
    this.#distrust(entry, growing, liar, piece);
  }

  /** What it signed may be wrong anywhere, and others have kept it: everything begins anew, without it. */
  #distrust(entry: TaskEntry, growing: Growing, key: string, piece: number): void {
    const { record } = entry;
    const { relay } = record.growing!.appointments.find((one) => one.key === key)!;
    this.#log.error({ task: record.id, relay, piece }, 'a relay signed a piece that the origin does not have');
    this.#growing.delete(entry);
    record.growing = newEpoch(record.file.sizeBytes, [...record.growing!.distrusted, relay]);
    growing.readers.clear();
    this.#events.onLiar(entry, entry.relays.get(relay)!);
    const isHopeless = [...entry.relays.values()].every(({ state }) => state === 'moved');
    if (isHopeless) this.#events.onDead(entry, `the relay ${relay} signed pieces that the origin does not have`);
    else this.#events.revise(entry);
  }

  async #seal(entry: TaskEntry, { manifest, swarm, audit }: Growing): Promise<void> {
    const { record } = entry;
    const whole = manifest.complete(manifestFile(record.file, record.growing!.pieceLengthBytes));
    const text = printManifest(whole);
    const digest = createHash('sha256').update(text).digest();
    const infoHash = infoHashOf(infoOf(whole));
    const seal = signSeal(this.#key, { swarm: Buffer.from(swarm, 'hex'), manifest: digest, infoHash });
    const sealed = {
      manifest: digest.toString('hex'),
      infoHash: Buffer.from(infoHash).toString('hex'),
      growing: { ...record.growing!, seal: Buffer.from(seal).toString('base64') },
    };
    // Stored before anybody is told where to find it.
    await this.#store.seal({ ...record, ...sealed }, text);
    if (record.growing?.swarm !== swarm) return;
    Object.assign(record, sealed);
    this.#growing.delete(entry);
    this.#events.revise(entry);
    this.#log.info({ task: record.id, infoHash: sealed.infoHash, audited: audit.count }, 'the manifest is complete');
  }
}

/** The pieces of a relay's part: those that begin in it. */
function piecesOf({ record }: TaskEntry, { firstByte, endByte }: RelayTaskRecord) {
  const { pieceLengthBytes } = record.growing!;
  return { firstPiece: Math.ceil(firstByte / pieceLengthBytes), endPiece: Math.ceil(endByte / pieceLengthBytes) };
}

function lacks(manifest: GrowingManifest, firstPiece: number, endPiece: number): boolean {
  for (let piece = firstPiece; piece < endPiece; piece++) if (!manifest.isKnown(piece)) return true;
  return false;
}
