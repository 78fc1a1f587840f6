import type { Contract, Fault, Scenario } from './scenario.ts';

/**
 * When can the k-th of N clients have finished at the earliest, whatever the policy? After Kumar and Ross,
 * "Peer-assisted file distribution: the minimum distribution time" (2006), with arrivals, relays and a contract.
 * Nobody finishes k copies of F bytes before all of these hold:
 *
 *   download   k clients have had the time:  the k-th smallest of  a + F/d
 *   source     one copy has left the source:  S(T) ≥ F   (unless a relay holds the file from the start)
 *   aggregate  everybody together has sent enough:
 *              S(T) + R·T + Σ u·(T − a)⁺ ≥ k·F   over the clients that can upload
 *   blocked    k minus the number of those are clients without peers, and need that from S and R alone:
 *              S(T) + R·T ≥ (k − peers)·F
 *
 * a: arrival, d and u: downlink and uplink of a client, R: all relays' uplinks, S(t): what the source can have sent.
 * What makes a real run slower (pieces, latency, choking, departures, faults) is left out, so it stays a bound.
 */
export interface BoundInput {
  fileBytes: number;
  /** One entry per client, in any order; rates in bytes per second. */
  arrivalSeconds: Float64Array;
  uplinkBytesPerSecond: Float64Array;
  downlinkBytesPerSecond: Float64Array;
  /** 1 = exchanges with peers. */
  peering: Uint8Array;
  source: { uplinkBytesPerSecond: number; contract?: SourceContract };
  relays: readonly { uplinkBytesPerSecond: number; holdsAll: boolean }[];
  /** The source and the relays send nothing before; absent: 0. */
  startSeconds?: number;
}

/** The part of a contract that limits bytes; `Infinity` = unlimited. */
export interface SourceContract {
  bytesPerSecondMax: number;
  burstBytes: number;
  traffic: readonly { windowSeconds: number; bytesMax: number }[];
}

export type BoundTerm = 'download' | 'source' | 'aggregate' | 'blocked';

export interface LowerBound {
  /** The term that binds for the last client. */
  which: BoundTerm;
  at: { p50: number; p95: number; p99: number; max: number };
}

/** Rank, from 1, of a quantile of so many: the smallest with at least that share at or below it. */
export function quantileRank(share: number, count: number): number {
  // The small part keeps 0.95 · 100 from being counted as 95.00000000000001.
  return Math.max(1, Math.min(count, Math.ceil(share * count - 1e-9)));
}

/**
 * Of all clients of one or several tasks, `counted` of whom the quantiles run over. With several tasks, the source and
 * the relays may work for each as if it were alone: by a time T at most the sum of what each alone can have is done.
 */
export function lowerBound(tasks: readonly BoundInput[], counted?: number): LowerBound {
  const prepared = tasks.map(prepare);
  const everybody = prepared.reduce((sum, { clientCount }) => sum + clientCount, 0);
  const finish = (share: number) => earliestOfAll(prepared, quantileRank(share, counted ?? everybody));
  const last = finish(1);
  const at = {
    p50: finish(0.5).seconds,
    p95: finish(0.95).seconds,
    p99: finish(0.99).seconds,
    max: last.seconds,
  };
  return { which: last.which, at };
}

function earliestOfAll(tasks: readonly Prepared[], k: number): { which: BoundTerm; seconds: number } {
  if (tasks.length === 1) return earliest(tasks[0]!, k);
  // The k-th of all is the j-th of some task: the earliest of these by which k can be done.
  let best: { which: BoundTerm; seconds: number } = { which: 'download', seconds: Infinity };
  for (const task of tasks) {
    const isEnough = (j: number) => {
      const { seconds } = earliest(task, j);
      return tasks.reduce((sum, each) => sum + (each === task ? j : doneBy(each, seconds)), 0) >= k;
    };
    const j = firstTrue(1, task.clientCount, isEnough);
    const found = j > task.clientCount ? best : earliest(task, j);
    if (found.seconds < best.seconds) best = found;
  }
  return best;
}

/** How many clients of a task can have finished by then. */
function doneBy(task: Prepared, seconds: number): number {
  return firstTrue(1, task.clientCount, (k) => earliest(task, k).seconds > seconds) - 1;
}

/** The first number from `low` to `high` for which a condition that stays true is true; `high + 1` if none. */
function firstTrue(low: number, high: number, isTrue: (number: number) => boolean): number {
  let end = high + 1;
  while (low < end) {
    const middle = (low + end) >> 1;
    if (isTrue(middle)) end = middle;
    else low = middle + 1;
  }
  return low;
}

/** Seconds on the scenario's clock before which the k-th client (from 1) cannot have finished. */
export function earliestFinish(input: BoundInput, k: number): number {
  return earliest(prepare(input), k).seconds;
}

interface Prepared {
  input: BoundInput;
  clientCount: number;
  startSeconds: number;
  /** Of every client by download alone, sorted. */
  downloadSeconds: Float64Array;
  peerCount: number;
  upload: PeerUpload;
  relayBytesPerSecond: number;
  relayHoldsAll: boolean;
}

function prepare(input: BoundInput): Prepared {
  const { fileBytes, arrivalSeconds, downlinkBytesPerSecond, peering, relays } = input;
  const clientCount = arrivalSeconds.length;
  const downloadSeconds = new Float64Array(clientCount);
  let peerCount = 0;
  for (let client = 0; client < clientCount; client++) {
    downloadSeconds[client] = arrivalSeconds[client]! + fileBytes / downlinkBytesPerSecond[client]!;
    peerCount += peering[client]!;
  }
  return {
    input,
    clientCount,
    startSeconds: input.startSeconds ?? 0,
    downloadSeconds: downloadSeconds.sort(),
    peerCount,
    upload: new PeerUpload(input),
    relayBytesPerSecond: relays.reduce((sum, relay) => sum + relay.uplinkBytesPerSecond, 0),
    relayHoldsAll: relays.some((relay) => relay.holdsAll),
  };
}

function earliest(prepared: Prepared, k: number): { which: BoundTerm; seconds: number } {
  const { input, startSeconds, downloadSeconds, relayBytesPerSecond, relayHoldsAll, peerCount, upload } = prepared;
  const { fileBytes, source } = input;
  const sourceBytes = (time: number) => sourceBytesMax(source, time - startSeconds);
  const served = (time: number) => sourceBytes(time) + bytesIn(relayBytesPerSecond, time - startSeconds);
  const terms: [BoundTerm, number][] = [
    ['download', downloadSeconds[k - 1]!],
    ['source', relayHoldsAll ? 0 : firstTime(sourceBytes, fileBytes, startSeconds)],
    ['aggregate', upload.firstTime(served, k * fileBytes, startSeconds)],
    ['blocked', k > peerCount ? firstTime(served, (k - peerCount) * fileBytes, startSeconds) : 0],
  ];
  let [which, seconds] = terms[0]!;
  for (const [term, time] of terms) {
    if (time > seconds) [which, seconds] = [term, time];
  }
  return { which, seconds };
}

/** Bytes that the source can have sent at most within this many seconds of any interval. */
export function sourceBytesMax({ uplinkBytesPerSecond, contract }: BoundInput['source'], seconds: number): number {
  if (seconds < 0) return 0;
  const byUplink = bytesIn(uplinkBytesPerSecond, seconds);
  if (contract === undefined) return byUplink;
  const windows = contract.traffic.toSorted((a, b) => a.windowSeconds - b.windowSeconds);
  return bytesUnder(uplinkBytesPerSecond, contract, windows, windows.length, seconds);
}

/**
 * Under uplink, rate and the `depth` shortest windows. An interval is cut into whole windows, each of which holds at
 * most its own limit and what the shorter windows let through, and a rest that is bounded in the same way:
 *
 *   |--- window ---|--- window ---|- rest -|
 */
function bytesUnder(
  uplink: number,
  contract: SourceContract,
  windows: readonly { windowSeconds: number; bytesMax: number }[],
  depth: number,
  seconds: number,
): number {
  const window = windows[depth - 1];
  if (window === undefined) {
    return Math.min(bytesIn(uplink, seconds), bytesIn(contract.bytesPerSecondMax, seconds) + contract.burstBytes);
  }
  const without = (length: number) => bytesUnder(uplink, contract, windows, depth - 1, length);
  const whole = Math.floor(seconds / window.windowSeconds);
  const rest = without(seconds - whole * window.windowSeconds);
  const inWhole = whole === 0 ? 0 : whole * Math.min(window.bytesMax, without(window.windowSeconds));
  return Math.min(without(seconds), inWhole + Math.min(window.bytesMax, rest));
}

/** An unlimited rate sends nothing in no time. */
const bytesIn = (bytesPerSecond: number, seconds: number): number => (seconds <= 0 ? 0 : bytesPerSecond * seconds);

/** The first time at which a function that never falls reaches `bytes`; `Infinity` where it never does. */
function firstTime(
  bytesAt: (time: number) => number,
  bytes: number,
  fromSeconds: number,
  toSeconds = Infinity,
): number {
  let low = fromSeconds;
  let high = toSeconds;
  if (high === Infinity) {
    let step = 1;
    while (bytesAt(fromSeconds + step) < bytes) {
      if (step > 1e15) return Infinity;
      low = fromSeconds + step;
      step *= 2;
    }
    high = fromSeconds + step;
  }
  // Down to neighbouring doubles; the lower one is returned, so that rounding cannot raise the bound.
  while (true) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return low;
    if (bytesAt(middle) < bytes) low = middle;
    else high = middle;
  }
}

const bucketCount = 4096;

/**
 * Σ u·(T − a)⁺ over clients that can upload. Clients are gathered in buckets of arrival time, each with its sums, so
 * that nothing is sorted: a time is first brought down to one bucket, and only its members are then looked at.
 */
class PeerUpload {
  private readonly input: BoundInput;
  private readonly firstArrival: number;
  private readonly lastArrival: number;
  private readonly bucketSeconds: number;
  /** Sums over the buckets before the index: of u, and of u·a. */
  private readonly rateBefore = new Float64Array(bucketCount + 1);
  private readonly rateTimeBefore = new Float64Array(bucketCount + 1);

  constructor(input: BoundInput) {
    this.input = input;
    const { arrivalSeconds, uplinkBytesPerSecond, peering } = input;
    let first = Infinity;
    let last = 0;
    for (const arrival of arrivalSeconds) {
      if (arrival < first) first = arrival;
      if (arrival > last) last = arrival;
    }
    this.firstArrival = first;
    this.lastArrival = last;
    this.bucketSeconds = (last - first) / bucketCount;
    for (let client = 0; client < arrivalSeconds.length; client++) {
      if (peering[client] === 0) continue;
      const next = this.bucketOf(arrivalSeconds[client]!) + 1;
      this.rateBefore[next]! += uplinkBytesPerSecond[client]!;
      this.rateTimeBefore[next]! += uplinkBytesPerSecond[client]! * arrivalSeconds[client]!;
    }
    for (let bucket = 1; bucket <= bucketCount; bucket++) {
      this.rateBefore[bucket]! += this.rateBefore[bucket - 1]!;
      this.rateTimeBefore[bucket]! += this.rateTimeBefore[bucket - 1]!;
    }
  }

  /** The first time at which these uploads and what is `served` reach `bytes`. */
  firstTime(served: (time: number) => number, bytes: number, fromSeconds: number): number {
    // Below `low` it is not reached at the edge of the bucket, at `high` it is; the last edge stands for the end.
    let low = -1;
    let high = bucketCount;
    while (high - low > 1) {
      const edge = (low + high) >> 1;
      const time = this.edgeSeconds(edge);
      if (served(time) + this.uploadedBefore(edge, time) < bytes) low = edge;
      else high = edge;
    }
    const members = low < 0 ? [] : this.membersOf(low);
    const uploaded = (time: number) => this.uploadedBefore(Math.max(low, 0), time) + this.uploadedBy(members, time);
    const lowSeconds = Math.max(fromSeconds, low < 0 ? 0 : this.edgeSeconds(low));
    const inside = (time: number) => served(time) + uploaded(time);
    // Before the first arrival nobody uploads; after the last, everybody does.
    if (low < 0) return firstTime(served, bytes, fromSeconds);
    if (high < bucketCount) return firstTime(inside, bytes, lowSeconds, Math.max(lowSeconds, this.edgeSeconds(high)));
    return firstTime(inside, bytes, lowSeconds);
  }

  private bucketOf(arrival: number): number {
    if (this.bucketSeconds === 0) return 0;
    return Math.min(bucketCount - 1, Math.floor((arrival - this.firstArrival) / this.bucketSeconds));
  }

  private edgeSeconds(bucket: number): number {
    return bucket === bucketCount ? this.lastArrival : this.firstArrival + bucket * this.bucketSeconds;
  }

  private uploadedBefore(bucket: number, time: number): number {
    return Math.max(0, this.rateBefore[bucket]! * time - this.rateTimeBefore[bucket]!);
  }

  private membersOf(bucket: number): number[] {
    const { arrivalSeconds, peering } = this.input;
    const members: number[] = [];
    for (let client = 0; client < arrivalSeconds.length; client++) {
      if (peering[client] === 1 && this.bucketOf(arrivalSeconds[client]!) === bucket) members.push(client);
    }
    return members;
  }

  private uploadedBy(members: readonly number[], time: number): number {
    const { arrivalSeconds, uplinkBytesPerSecond } = this.input;
    let bytes = 0;
    for (const client of members) {
      const seconds = time - arrivalSeconds[client]!;
      if (seconds > 0) bytes += uplinkBytesPerSecond[client]! * seconds;
    }
    return bytes;
  }
}

/** What the source may send at most at any time of a scenario: faults may also raise a contract. */
export function boundContract({ origin, faults }: Scenario): SourceContract {
  const changed = faults.filter((fault): fault is Fault & { kind: 'contract' } => fault.kind === 'contract');
  const contracts: Contract[] = [origin.contract, ...changed.map(({ contract }) => contract)];
  const most = (of: (contract: Contract) => number) => Math.max(...contracts.map(of));
  const windows = origin.contract.traffic.map(({ name, windowMilliseconds }) => ({
    windowSeconds: windowMilliseconds / 1000,
    bytesMax: most(({ traffic }) => traffic.find((window) => window.name === name)?.bytesMax ?? Infinity),
  }));
  return {
    bytesPerSecondMax: most((c) => c.bytesPerSecondMax),
    burstBytes: most((c) => c.burstBytes),
    traffic: windows,
  };
}
