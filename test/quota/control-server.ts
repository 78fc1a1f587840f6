/** A control server in a world of faults: owns the ledger, or believes so; crashes; writes late. */
import type { OriginContract } from '#core/quota/contract.ts';
import { auditLedger, type MemoryLedger, resumedMilliseconds } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { OriginOwner, type OwnerOptions, type Round } from '#core/quota/owner.ts';
import { Machine } from './machine.ts';
import { ContractViolation } from './origin-truth.ts';
import type { Draws } from './wire.ts';

export interface ServerOptions {
  driftMillionths: number;
  wallErrorMilliseconds: number;
}

export class ControlServer {
  readonly machine: Machine;
  owner: OriginOwner | undefined;
  readonly #draws: Draws;
  readonly #wallErrorMax: number;
  readonly #writeDelayMax: number;
  #ledgerAtTakeOver = 0;
  #monotonicAtTakeOver = 0;
  #writes: { at: number; round: Round }[] = [];

  constructor(options: ServerOptions, wallErrorMax: number, writeDelayMax: number, draws: Draws) {
    this.machine = new Machine(options.driftMillionths);
    this.machine.wallStepMilliseconds = options.wallErrorMilliseconds;
    this.#wallErrorMax = wallErrorMax;
    this.#writeDelayMax = writeDelayMax;
    this.#draws = draws;
  }

  get isOwner(): boolean {
    return this.owner?.isOwner ?? false;
  }

  takeOver(ledger: MemoryLedger, options: OwnerOptions, now: number): void {
    const state = ledger.takeOver();
    const problems = auditLedger(state);
    if (problems.length > 0) throw new ContractViolation('I16', problems.join('; '));
    const { monotonicMilliseconds, wallMilliseconds } = this.machine.clock(now);
    this.#ledgerAtTakeOver = resumedMilliseconds(state, wallMilliseconds, this.#wallErrorMax);
    this.#monotonicAtTakeOver = monotonicMilliseconds;
    this.#writes = [];
    this.owner = new OriginOwner(options, state, this.#ledgerAtTakeOver);
  }

  crash(): void {
    this.owner = undefined;
    this.#writes = [];
  }

  ledgerMilliseconds(now: number): number {
    return this.#ledgerAtTakeOver + this.machine.clock(now).monotonicMilliseconds - this.#monotonicAtTakeOver;
  }

  receive(message: HolderMessage, now: number): void {
    if (this.isOwner) this.owner?.receive(message, this.ledgerMilliseconds(now));
  }

  setContract(contract: OriginContract, now: number): void {
    if (this.isOwner) this.owner?.setContract(contract, this.ledgerMilliseconds(now));
  }

  /** Does what is due; answers the grants whose promise is now in the ledger. */
  act(now: number, ledger: MemoryLedger): LeaseGrant[] {
    const { owner } = this;
    if (owner?.isOwner !== true) return [];
    const ledgerNow = this.ledgerMilliseconds(now);
    if (ledgerNow >= owner.nextRoundMilliseconds()) {
      const before = committedOf(owner, ledgerNow);
      const round = owner.round(ledgerNow, this.machine.clock(now).wallMilliseconds);
      checkCut(owner, before);
      const earliest = this.#writes[this.#writes.length - 1]?.at ?? now;
      this.#writes.push({ at: Math.max(earliest, now + this.#draws.between(0, this.#writeDelayMax)), round });
    }
    const sent: LeaseGrant[] = [];
    while (this.#writes.length > 0 && this.#writes[0]!.at <= now) {
      const { round } = this.#writes.shift()!;
      if (!ledger.write(round.epoch, round.entries)) {
        owner.stepDown();
        this.#writes = [];
        break;
      }
      sent.push(...round.grants);
    }
    return sent;
  }
}

interface Committed {
  name: string;
  limit: number;
  byRow: number[];
}

function committedOf(owner: OriginOwner, ledgerNow: number): Committed[] {
  const { promises, end } = owner.accounts;
  owner.expire(ledgerNow);
  const of = (name: string, limit: number, column: Float64Array) => ({ name, limit, byRow: [...column.slice(0, end)] });
  const { connections, bytesPerSecond, burstBytes } = owner.contract;
  return [
    of('connections', connections, promises.committedSlots),
    of('bytes per second', bytesPerSecond, promises.committedBytesPerSecond),
    of('bytes of burst', burstBytes, promises.committedBurstBytes),
  ];
}

/** I7: while more is committed than the limit, nobody's part grows; and never is more committed by a round. */
function checkCut(owner: OriginOwner, before: Committed[]): void {
  const { promises } = owner.accounts;
  const columns = [promises.committedSlots, promises.committedBytesPerSecond, promises.committedBurstBytes];
  for (const [index, { name, limit, byRow }] of before.entries()) {
    const after = columns[index]!.slice(0, byRow.length);
    const sumBefore = byRow.reduce((sum, one) => sum + one, 0);
    const sumAfter = after.reduce((sum, one) => sum + one, 0);
    const grown = after.findIndex((one, row) => one > byRow[row]!);
    if (sumAfter > Math.max(limit, sumBefore)) throw new ContractViolation('I7', `${sumAfter} of ${limit} ${name}`);
    if (sumBefore > limit && grown >= 0) {
      throw new ContractViolation(
        'I7',
        `holder in row ${grown} has more ${name} while ${sumBefore} of ${limit} are committed`,
      );
    }
  }
}
