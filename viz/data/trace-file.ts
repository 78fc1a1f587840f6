/** The file of `sluice run --trace`, as typed columns: what each followed client got, when, and from whom. */

export interface TraceGroup {
  kind: 'origin' | 'relay' | 'client';
  name: string;
  region: string;
  /** Row of the first of the group, and how many there are. */
  first: number;
  count: number;
}

/** Places in `sourceKinds`; the last is for a source that the file does not name. */
export const sourceOf = { origin: 0, relay: 1, peer: 2 } as const;

export interface TraceFile {
  kind: 'trace';
  scenario: string;
  policy: string;
  seed: number | null;
  fileBytes: number;
  pieceBytes: number;
  pieceCount: number;
  thresholdBytesPerSecond: number | null;
  holdSeconds: number | null;
  groups: TraceGroup[];
  clientsFrom: number;
  /** Every so manieth client is followed. */
  every: number;
  /** Rows of the followed clients, those who finished first at the top. */
  clients: Uint32Array;
  /** Seconds at which each of `clients` had the whole file; NaN if it never had. */
  finishedAt: Float64Array;
  /** Pieces gained, in the order of time. */
  gained: { time: Float64Array; receiver: Uint32Array; sender: Int32Array; source: Uint8Array };
  /** Openings and closings of HTTP, in the order of time. */
  decided: { time: Float64Array; client: Uint32Array; reason: string[] };
  endSeconds: number;
}

interface Given {
  clientsFrom?: unknown;
  every?: unknown;
  columns?: Record<string, unknown>;
  [name: string]: unknown;
}

const columnNames = ['time', 'client', 'event', 'source', 'piece', 'reason'] as const;
type Columns = Record<(typeof columnNames)[number], unknown[]>;

export function traceOf(given: Given): TraceFile {
  const { clientsFrom, every, columns } = given;
  if (typeof clientsFrom !== 'number' || typeof every !== 'number') throw new Error('no clientsFrom or every');
  for (const name of columnNames) {
    if (!Array.isArray(columns?.[name])) throw new Error(`no columns.${name}`);
    if ((columns[name] as unknown[]).length !== (columns.time as unknown[]).length) {
      throw new Error(`columns.${name} and columns.time differ in length`);
    }
  }
  const { gained, decided, endSeconds, pieces } = eventsOf(columns as Columns, clientsFrom);
  const groups = groupsOf(given.groups, clientsFrom, gained.receiver);
  const pieceBytes = numberOr(given.pieceBytes, 1);
  const fileBytes = numberOr(given.fileBytes, pieces * pieceBytes);
  const pieceCount = Math.ceil(fileBytes / pieceBytes);
  const fallback = given.fallback as { thresholdBytesPerSecond?: unknown; holdSeconds?: unknown } | undefined;
  const { clients, finishedAt } = order(gained, groups, clientsFrom, every, pieceCount);
  return {
    kind: 'trace',
    scenario: String(given.scenario ?? 'trace'),
    policy: String(given.policy ?? ''),
    seed: typeof given.seed === 'number' ? given.seed : null,
    fileBytes,
    pieceBytes,
    pieceCount,
    thresholdBytesPerSecond: numberOr(fallback?.thresholdBytesPerSecond, null),
    holdSeconds: numberOr(fallback?.holdSeconds, null),
    groups,
    clientsFrom,
    every,
    clients,
    finishedAt,
    gained,
    decided,
    endSeconds,
  };
}

function numberOr<Otherwise>(value: unknown, otherwise: Otherwise): number | Otherwise {
  return typeof value === 'number' && value > 0 ? value : otherwise;
}

function eventsOf({ time, client, event, source, piece, reason }: Columns, clientsFrom: number) {
  let gainedCount = 0;
  let pieces = 0;
  for (const name of event) if (name === 'piece') gainedCount++;
  const gained = {
    time: new Float64Array(gainedCount),
    receiver: new Uint32Array(gainedCount),
    sender: new Int32Array(gainedCount),
    source: new Uint8Array(gainedCount),
  };
  const decisions: { time: number; client: number; reason: string }[] = [];
  let row = 0;
  let endSeconds = 0;
  for (let index = 0; index < time.length; index++) {
    const at = time[index] as number;
    if (!(at >= endSeconds)) throw new Error(`columns.time goes back, or is no number, in row ${index + 1}`);
    endSeconds = at;
    if (event[index] === 'piece') {
      const sender = source[index] as number;
      gained.time[row] = at;
      gained.receiver[row] = client[index] as number;
      gained.sender[row] = sender;
      gained.source[row] = sender <= 0 ? sourceOf.origin : sender < clientsFrom ? sourceOf.relay : sourceOf.peer;
      pieces = Math.max(pieces, (piece[index] as number) + 1);
      row++;
    } else if (event[index] === 'fallback') {
      decisions.push({ time: at, client: client[index] as number, reason: String(reason[index]) });
    }
  }
  const decided = {
    time: Float64Array.from(decisions, (each) => each.time),
    client: Uint32Array.from(decisions, (each) => each.client),
    reason: decisions.map((each) => each.reason),
  };
  return { gained, decided, endSeconds, pieces };
}

function groupsOf(given: unknown, clientsFrom: number, receivers: Uint32Array): TraceGroup[] {
  if (!Array.isArray(given)) {
    let last = clientsFrom;
    for (const receiver of receivers) last = Math.max(last, receiver);
    return [
      { kind: 'origin', name: 'origin', region: '', first: 0, count: 1 },
      { kind: 'relay', name: 'relays', region: '', first: 1, count: clientsFrom - 1 },
      { kind: 'client', name: 'clients', region: '', first: clientsFrom, count: last - clientsFrom + 1 },
    ];
  }
  let first = 0;
  return given.map(({ kind, name, region, count }: Omit<TraceGroup, 'first'>) => {
    if (!['origin', 'relay', 'client'].includes(kind) || !(count >= 0)) throw new Error('groups are not in order');
    const group = { kind, name: String(name), region: String(region), first, count };
    first += count;
    return group;
  });
}

/** The followed clients by finish, the unfinished ones last. */
function order(
  { time, receiver }: TraceFile['gained'],
  groups: TraceGroup[],
  clientsFrom: number,
  every: number,
  pieceCount: number,
) {
  const rows = groups.reduce((sum, group) => sum + group.count, 0);
  const held = new Uint32Array(rows);
  const doneAt = new Float64Array(rows).fill(Number.NaN);
  for (let index = 0; index < receiver.length; index++) {
    const row = receiver[index]!;
    if (row >= rows) throw new Error(`row ${row} belongs to no group`);
    if (++held[row]! === pieceCount) doneAt[row] = time[index]!;
  }
  const followed: number[] = [];
  for (let row = clientsFrom; row < rows; row += every) followed.push(row);
  const finish = (row: number): number => (Number.isNaN(doneAt[row]!) ? Infinity : doneAt[row]!);
  const clients = Uint32Array.from(followed).sort((left, right) =>
    finish(left) < finish(right) ? -1 : finish(left) > finish(right) ? 1 : left - right,
  );
  return { clients, finishedAt: Float64Array.from(clients, (row) => doneAt[row]!) };
}
