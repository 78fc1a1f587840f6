/**
 * The smallest world in which the ledger can go wrong: three holders, few connections, time in ticks of a second
 * (a ttl is two, the slack is one). Every holder uses all of its lease at once. A message that is never delivered is a
 * lost one. Real owner, real holders; nothing but the order of events is left open.
 */
import { createHash } from 'node:crypto';
import { type HolderClock, Leaseholders } from '#core/quota/leaseholders.ts';
import { MemoryLedger } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { OriginOwner, type OwnerOptions } from '#core/quota/owner.ts';
import { promisesMax } from '#core/quota/promises.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';
import { ContractViolation } from './origin-truth.ts';

export const tinyHolderCount = 3;
const tickMilliseconds = 1000;
/** Messages under way per holder and direction; more would only be delivered later. */
const underwayMax = 2;
const wanted = { bytesPerSecond: 100, slots: 2 };

const terms = {
  ...quotaTermsDefault,
  ttlMilliseconds: 2 * tickMilliseconds,
  slackMilliseconds: tickMilliseconds,
  turnMilliseconds: tickMilliseconds,
  roundMinMilliseconds: 1,
};

/** `request 0`, `deliver 2 1`… : what, to or from whom, which message. */
export type Step =
  | readonly [what: 'request' | 'acknowledge' | 'crash' | 'hear' | 'grant', holder: number, at: number]
  | readonly [what: 'tick' | 'failover' | 'loss', holder: 0, at: 0];

export class TinyWorld {
  now = 0;
  readonly connections: number;
  readonly #options: OwnerOptions;
  readonly #holders = new Leaseholders(tinyHolderCount);
  readonly #toOwner: HolderMessage[][] = [[], [], []];
  readonly #toHolder: LeaseGrant[][] = [[], [], []];
  #ledger = new MemoryLedger();
  #owner: OriginOwner;

  constructor(connections: number) {
    this.connections = connections;
    const contract = { connections, bytesPerSecond: 1000, burstBytes: 1000, windows: [] };
    this.#options = { origin: 0, contract, terms, nodes: [shareNode(0)], holdersMax: tinyHolderCount };
    this.#owner = new OriginOwner(this.#options, this.#ledger.takeOver(), 0);
    for (let row = 0; row < tinyHolderCount; row++) this.#holders.open(row, 0, row, 0, 1);
  }

  get #clock(): HolderClock {
    return { monotonicMilliseconds: this.now, wallMilliseconds: this.now };
  }

  /** Everything that can happen now. */
  steps(withLoss: boolean): Step[] {
    const steps: Step[] = [
      ['tick', 0, 0],
      ['failover', 0, 0],
    ];
    if (withLoss) steps.push(['loss', 0, 0]);
    for (let row = 0; row < tinyHolderCount; row++) {
      if (this.#toOwner[row]!.length < underwayMax) {
        steps.push(['request', row, 0]);
        const { epoch, sequence } = this.#holders.report(row);
        const said = this.#toOwner[row]!.some(
          (message) => message.kind === 'acknowledge' && message.sequence === sequence,
        );
        if (epoch > 0 && !said) steps.push(['acknowledge', row, 0]);
      }
      if (this.#holders.account[row]! < 3) steps.push(['crash', row, 0]);
      for (const at of this.#toOwner[row]!.keys()) steps.push(['hear', row, at]);
      for (const at of this.#toHolder[row]!.keys()) steps.push(['grant', row, at]);
    }
    return steps;
  }

  apply([what, row, at]: Step): void {
    const clock = this.#clock;
    switch (what) {
      case 'tick':
        this.now += tickMilliseconds;
        for (let each = 0; each < tinyHolderCount; each++) this.#expire(each);
        this.#round();
        break;
      case 'failover':
        this.#owner = new OriginOwner(this.#options, this.#ledger.takeOver(), this.now);
        this.#round();
        break;
      case 'loss':
        this.#ledger = new MemoryLedger(this.#ledger.epoch);
        this.#owner = new OriginOwner(this.#options, this.#ledger.takeOver(), this.now);
        break;
      case 'request':
        this.#toOwner[row]!.push(this.#holders.request(row, clock, wanted.bytesPerSecond, wanted.slots));
        break;
      case 'acknowledge':
        this.#toOwner[row]!.push(this.#holders.report(row));
        break;
      case 'crash':
        this.#holders.open(row, 0, row, 0, this.#holders.account[row]! + 1);
        break;
      case 'hear':
        this.#owner.receive(this.#toOwner[row]!.splice(at, 1)[0]!, this.now);
        this.#round();
        break;
      case 'grant':
        this.#receive(row, this.#toHolder[row]!.splice(at, 1)[0]!);
        break;
      default:
        what satisfies never;
    }
    this.#check();
  }

  #expire(row: number): void {
    if (!this.#holders.expire(row, this.#clock)) return;
    while (this.#holders.openCount[row]! > 0) this.#holders.disconnect(row);
  }

  #receive(row: number, grant: LeaseGrant): void {
    this.#holders.receive(row, this.#clock, grant);
    while (this.#holders.excessCount(row) > 0) this.#holders.disconnect(row);
    while (this.#holders.connect(row, this.#clock));
    this.#holders.acknowledgement(row);
  }

  #round(): void {
    const round = this.#owner.round(this.now, this.now);
    if (!this.#ledger.write(round.epoch, round.entries)) throw new ContractViolation('I4', 'the owner is fenced off');
    for (const grant of round.grants) {
      const list = this.#toHolder[grant.holder]!;
      list.push(grant);
      if (list.length > underwayMax) list.shift();
    }
  }

  #check(): void {
    let open = 0;
    let slots = 0;
    let bytesPerSecond = 0;
    for (let row = 0; row < tinyHolderCount; row++) {
      open += this.#holders.openCount[row]!;
      slots += this.#holders.slots[row]!;
      bytesPerSecond += this.#holders.bytesPerSecond[row]!;
    }
    if (open > this.connections || slots > this.connections) {
      throw new ContractViolation('I1', `${open} open, leases for ${slots}, of ${this.connections}`);
    }
    if (bytesPerSecond > 1000) throw new ContractViolation('I2', `leases of ${bytesPerSecond} of 1000 B/s`);
  }

  /** Equal for states that behave alike: times and numbers relative to now, holders in any order. */
  key(): string {
    const holders = Array.from({ length: tinyHolderCount }, (_, row) => this.#holderKey(row)).sort();
    const quiet = Math.max(-1, this.#owner.quietUntilMilliseconds - this.now);
    return createHash('md5')
      .update(`${quiet};${holders.join(';')}`)
      .digest('base64');
  }

  #holderKey(row: number): string {
    const { now } = this;
    const table = this.#holders;
    const { accounts, epoch } = this.#owner;
    const at = accounts.rowOf(row);
    const account = table.account[row]!;
    const said = table.report(row);
    const inForce = table.inForce(row);
    const last = at === -1 ? 0 : accounts.sequence[at]!;
    const lease = (one: { epoch: number; sequence: number }) =>
      one.epoch === 0 ? '-' : `${epoch - one.epoch}/${last - one.sequence}`;
    const numberNow = (table as unknown as { requestNumber: Float64Array }).requestNumber[row]!;
    const sent = (table as unknown as { sentMonotonicMilliseconds: Float64Array }).sentMonotonicMilliseconds;
    const number = (one: number) =>
      `${numberNow - one}@${numberNow - one < 4 ? sent[row * 4 + (one % 4)]! - now : '-'}`;
    const heard = this.#toOwner[row]!.map((message) => {
      const of = message.kind === 'request' ? number(message.number) : '';
      return `${message.kind}${account - message.account}${of}${message.kind === 'release' ? '' : lease(message)}`;
    });
    const granted = this.#toHolder[row]!.map(
      (grant) =>
        `${account - grant.account}${number(grant.number)}${lease(grant)}=${grant.slots}/${grant.bytesPerSecond}`,
    );
    const held = `${table.slots[row]}/${table.bytesPerSecond[row]}until${table.endMilliseconds(row) - now}`;
    const messages = `${heard.sort()},${granted.sort()}`;
    const first = `${account >= 3 ? 'x' : ''}${held},${lease(inForce)},${lease(said)},${messages}`;
    return at === -1 ? `${first},new` : `${first},${this.#rowKey(at, account)}`;
  }

  #rowKey(at: number, account: number): string {
    const { accounts, epoch } = this.#owner;
    const { now } = this;
    const ends = (accounts.promises as unknown as { endMilliseconds: Float64Array }).endMilliseconds;
    const ended = accounts.promises as unknown as { endedEpoch: Float64Array; endedSequence: Float64Array };
    const promises = accounts.promises.records(at).map((record, index) => {
      const end = ends[at * promisesMax + index]! - now;
      const lease = `${epoch - record.epoch}/${accounts.sequence[at]! - record.sequence}`;
      return `${lease}=${record.slots}/${record.bytesPerSecond}@${end}`;
    });
    const since = (moment: number) => Math.min(4000, now - moment);
    return [
      account - accounts.account[at]!,
      accounts.number[at]! > 0 ? since(accounts.requestedAtMilliseconds[at]!) : '-',
      accounts.isAnswered[at],
      accounts.demandBytesPerSecond[at],
      since(accounts.unservedSinceMilliseconds[at]!),
      since(accounts.servedSinceMilliseconds[at]!),
      ended.endedSequence[at] === 0
        ? '-'
        : `${epoch - ended.endedEpoch[at]!}/${accounts.sequence[at]! - ended.endedSequence[at]!}`,
      promises.join('+'),
    ].join(',');
  }
}
