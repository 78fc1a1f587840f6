/**
 * A file whose hashes are still being signed, on a node under control: what control and peers say of them reaches the
 * file, what is new here reaches them, and control's seal turns the private swarm into the standard torrent.
 */
import { join } from 'node:path';
import type { LinkOptions } from '#nodes/link/control-link.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import type { FromNode } from '#nodes/protocol/from-node.ts';
import { type HashesFromControl, hashBytesFromNode } from '#nodes/protocol/hash-messages.ts';
import { manifestFile } from '../files/growing-manifest.ts';
import { Growth } from '../files/growth.ts';
import { BadSignature } from '../files/hash-batch.ts';
import { type Manifest, pieceCountOf } from '../files/manifest.ts';
import type { StoredFile } from '../files/piece-store.ts';
import type { Share } from '../files/share.ts';
import { infoOf, parseInfo } from '../wire/metainfo.ts';
import { manifestOf, storedFile } from './assigned-file.ts';
import { CannotTake } from './node-agent.ts';

/** In one message to control. */
const batchesPerMessage = 32;
/** So long control may lack what a client has: then its relay has not told it. */
const lagMilliseconds = 2000;
type ControlAccess = Pick<LinkOptions, 'control' | 'token' | 'authority'>;

/** Undefined where the hashes are known, or will never be. */
export async function openGrowth(
  assignment: Assignment,
  stored: StoredFile,
  directory: string,
): Promise<Growth | undefined> {
  const { growing, manifest, file } = assignment;
  if (growing === undefined || manifest !== undefined) return undefined;
  const { swarm, controlKey, pieceLengthBytes, appointments } = growing;
  const growth = await Growth.open({
    path: join(directory, stored.name),
    swarm,
    controlKey,
    pieceCount: pieceCountOf(stored),
    appointments,
    isRelay: assignment.role === 'relay',
    file: manifestFile(file, pieceLengthBytes),
  });
  stored.growth = growth;
  return growth;
}

export class GrowingFile {
  readonly growth: Growth;
  readonly #share: Share;
  readonly #tell: (message: FromNode) => boolean;
  readonly #onUpgrade: () => void;
  #assignment: Assignment;
  /** Control's last word of what it holds. */
  #controlHeld: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(share: Share, assignment: Assignment, tell: (message: FromNode) => boolean, onUpgrade: () => void) {
    this.growth = share.options.growth!;
    this.#share = share;
    this.#assignment = assignment;
    this.#tell = tell;
    this.#onUpgrade = onUpgrade;
    this.growth.onBatch = () => {
      share.tellPeers();
      if (this.growth.key !== undefined) this.#sendToControl();
    };
    this.growth.onSeal = (manifest) => this.#upgrade(manifest);
    this.online();
  }

  /** Whether what is here may go on under this assignment; `again`: pieces have to be verified anew. */
  async follow(
    assignment: Assignment,
    access: ControlAccess,
    stateDirectory: string,
  ): Promise<'goes on' | 'again' | 'outdated'> {
    const { growing, manifest } = assignment;
    if (growing?.swarm !== this.#assignment.growing!.swarm) return 'outdated';
    this.#assignment = assignment;
    if (!this.#share.isGrowing) return 'goes on';
    this.growth.appoint(growing.appointments);
    this.online();
    if (growing.seal === undefined || manifest === undefined) return 'goes on';
    this.#heedSeal(Buffer.from(growing.seal, 'base64'));
    if (!this.#share.isGrowing) return 'goes on';
    // Not all hashes have come, or not these: control's own list of them.
    const whole = await manifestOf(manifest, access, stateDirectory);
    if (!this.growth.adopt(whole)) return 'again';
    this.#upgrade(whole);
    return 'goes on';
  }

  /** Says what is held: control answers with what is missing, and with what comes from now on. */
  online(): void {
    if (this.#share.isGrowing) this.#send([]);
  }

  /** From control. */
  hashes({ swarm, held, batches }: HashesFromControl): void {
    if (swarm !== this.#assignment.growing?.swarm) return;
    for (const batch of batches) {
      try {
        this.growth.receive(Buffer.from(batch, 'base64'));
      } catch (error) {
        // Control passes on what relays sign; a batch that is wrong is as good as none.
        if (!(error instanceof BadSignature)) throw error;
      }
    }
    this.#controlHeld = held;
    if (this.growth.key !== undefined) this.#sendToControl();
    else this.#watchControl();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #heedSeal(seal: Uint8Array): void {
    try {
      this.growth.receiveSeal(seal);
    } catch (error) {
      throw new CannotTake('fault', `control's seal: ${(error as Error).message}`);
    }
  }

  /** Relays tell control themselves; what one could not before it fell silent, whoever has it brings later. */
  #watchControl(): void {
    const held = this.growth.manifest.held;
    const lacks = () => held.some((count, chain) => (this.#controlHeld[chain] ?? 0) < count);
    if (this.#timer !== undefined || !lacks()) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (lacks()) this.#sendToControl();
      },
      lagMilliseconds * (1 + Math.random()),
    );
  }

  /** What control lacks as far as is known: first of all what this node signed itself. */
  #sendToControl(): void {
    for (;;) {
      const missing = this.growth.manifest.since(this.#controlHeld, batchesPerMessage, hashBytesFromNode);
      if (missing.length === 0 || !this.#send(missing)) return;
      this.#controlHeld = this.growth.manifest.after(this.#controlHeld, missing);
    }
  }

  #send(batches: Uint8Array[]): boolean {
    const { task, growing } = this.#assignment;
    return this.#tell({
      kind: 'hashes',
      task,
      swarm: growing!.swarm,
      held: this.growth.manifest.held,
      batches: batches.map((batch) => Buffer.from(batch).toString('base64')),
    });
  }

  #upgrade(manifest: Manifest): void {
    if (!this.#share.isGrowing) return;
    const metainfo = parseInfo(infoOf(manifest));
    this.#share.upgrade(storedFile(this.#assignment, manifest, metainfo), metainfo);
    this.#share.tellPeers();
    this.#onUpgrade();
  }
}
