/**
 * A whole world around the ledger: control servers, holders, wires, clocks, an origin; every fault at hand. The real
 * classes of core/quota run in it; `OriginTruth` and `PotentialUse` watch from outside and stop at the first violation.
 */
import { Leaseholders } from '#core/quota/leaseholders.ts';
import { auditLedger, MemoryLedger } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import type { OwnerOptions } from '#core/quota/owner.ts';
import { SafeShare, safeShareOf } from '#core/quota/safe-share.ts';
import type { QuotaTerms } from '#core/quota/terms.ts';
import type { ShareNode } from '#core/quota/tree.ts';
import { ControlServer, type ServerOptions } from './control-server.ts';
import { HolderProcess, type Wants } from './holder-process.ts';
import { ContractViolation, type Limits, OriginTruth } from './origin-truth.ts';
import { PotentialUse } from './potential-use.ts';
import { Draws, Wire, type WireFaults } from './wire.ts';

export interface WorldOptions {
  seed: number;
  contract: Limits;
  terms: QuotaTerms;
  nodes: ShareNode[];
  holders: { node: number; driftMillionths: number; wants: Wants }[];
  servers: ServerOptions[];
  wire: WireFaults;
  writeDelayMaxMilliseconds: number;
  originStallThousandths: number;
  /** Its contract is then limited in rate, and is not cut below half. */
  hasSafeShare: boolean;
}

const wallErrorMax = 50;
const stepMax = 250;

export class World {
  now = 0;
  stepCount = 0;
  grantCount = 0;
  readonly options: WorldOptions;
  readonly draws: Draws;
  readonly truth: OriginTruth;
  readonly potential: PotentialUse;
  readonly table: Leaseholders;
  readonly holders: HolderProcess[];
  readonly servers: ControlServer[];
  readonly toControl: Wire<HolderMessage>;
  readonly toHolders: Wire<LeaseGrant>;
  ledger = new MemoryLedger();
  contract: Limits;
  nodes: ShareNode[];
  /** Every grant that was written, with when (for properties that look at the whole course). */
  readonly grants: { at: number; grant: LeaseGrant }[] = [];

  readonly losses: { at: number; epoch: number }[] = [];

  constructor(options: WorldOptions) {
    const { terms, contract, seed } = options;
    this.options = options;
    this.contract = contract;
    this.nodes = options.nodes;
    this.draws = new Draws(seed);
    const longest = Math.ceil((terms.ttlMilliseconds + terms.slackMilliseconds) * 1.002) + 2 * wallErrorMax;
    this.truth = new OriginTruth(contract, longest + options.writeDelayMaxMilliseconds);
    this.table = new Leaseholders(options.holders.length);
    const refreshMilliseconds = Math.floor(terms.ttlMilliseconds / 3);
    const parts = {
      holders: this.table,
      truth: this.truth,
      draws: this.draws,
      refreshMilliseconds,
      originStallThousandths: options.originStallThousandths,
      safeShareOf: (row: number, now: number, hasUsedNone: boolean) => this.#safeShareOf(row, now, hasUsedNone),
    };
    this.holders = options.holders.map(
      ({ node, driftMillionths, wants }, row) => new HolderProcess(row, node, driftMillionths, wants, parts),
    );
    this.servers = options.servers.map(
      (server) => new ControlServer(server, wallErrorMax, options.writeDelayMaxMilliseconds, this.draws),
    );
    this.toControl = new Wire(options.wire, this.draws);
    this.toHolders = new Wire(options.wire, this.draws);
    this.potential = new PotentialUse(this);
    this.takeOver(0);
  }

  /** Relays are the holders of the first node. */
  #safeShareOf(row: number, now: number, hasUsedNone: boolean): SafeShare | undefined {
    const { contract, terms, holders, hasSafeShare } = this.options;
    const relays = holders.flatMap(({ node }, index) => (node === 0 ? [index] : []));
    if (!hasSafeShare || !relays.includes(row)) return undefined;
    const part = safeShareOf(contract, terms, relays.indexOf(row), relays.length);
    return new SafeShare(part, terms, now, hasUsedNone);
  }

  ownerOptions(): OwnerOptions {
    const { terms } = this.options;
    return { origin: 0, contract: this.contract, terms, nodes: this.nodes, holdersMax: this.holders.length };
  }

  /** The server whose promises the ledger takes. */
  owning(): ControlServer | undefined {
    return this.servers.find(({ owner }) => owner?.isOwner === true && owner.epoch === this.ledger.epoch);
  }

  takeOver(server: number): void {
    this.servers[server]!.takeOver(this.ledger, this.ownerOptions(), this.now);
  }

  /** The ledger is gone; an empty one takes its place, and a server takes that over. */
  loseLedger(server: number): void {
    this.ledger = new MemoryLedger(this.ledger.epoch);
    this.takeOver(server);
    this.losses.push({ at: this.now, epoch: this.ledger.epoch });
  }

  setContract(contract: Limits): void {
    this.contract = contract;
    this.truth.setLimits(contract, this.now);
    for (const server of this.servers) server.setContract(contract, this.now);
  }

  setNodes(nodes: ShareNode[]): void {
    this.nodes = nodes;
    for (const { owner } of this.servers) if (owner?.isOwner) owner.setNodes(nodes);
  }

  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.now = Math.min(end, Math.max(this.now + 1, this.#nextAt()));
      this.step();
    }
  }

  #nextAt(): number {
    let next = Math.min(this.now + stepMax, this.toControl.nextAt(), this.toHolders.nextAt());
    for (const holder of this.holders) next = Math.min(next, holder.nextAt(this.now));
    return next;
  }

  step(): void {
    this.stepCount++;
    const { now } = this;
    const say = (holder: HolderProcess) => (message: HolderMessage) => {
      this.potential.said(message, holder.clock(now));
      if (!holder.isCutOff) this.toControl.send(now, message);
    };
    // Ends first: at one instant, who stops stops before another begins.
    for (const holder of this.holders) holder.timeOut(now);
    for (const holder of this.holders) holder.act(now, say(holder));
    for (const message of this.toControl.take(now)) this.#deliver(message);
    for (const server of this.servers) {
      for (const grant of server.act(now, this.ledger)) {
        this.grantCount++;
        this.potential.written(grant);
        this.grants.push({ at: now, grant });
        this.toHolders.send(now, grant);
      }
    }
    for (const grant of this.toHolders.take(now)) {
      const holder = this.holders[grant.holder]!;
      if (!holder.isCutOff) holder.receive(now, grant, say(holder));
    }
    this.potential.check();
  }

  /** Each server that believes that it is the owner may get it; a holder is connected to one of them. */
  #deliver(message: HolderMessage): void {
    const believing = this.servers.filter(({ isOwner }) => isOwner);
    if (believing.length === 0) return;
    this.draws.of(believing).receive(message, this.now);
  }

  audit(): void {
    // What a ledger holds is read without an epoch of its own: from a copy of what a take-over would see.
    const problems = auditLedger(this.ledger.read());
    if (problems.length > 0) throw new ContractViolation('I16', problems.join('; '));
  }
}
