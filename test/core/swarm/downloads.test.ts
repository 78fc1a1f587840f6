import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { PieceSets } from '#core/bitset.ts';
import type { Host, RequestReason } from '#core/host.ts';
import { ExactAvailability } from '#core/swarm/availability.ts';
import { blockLengthBytes, Downloads } from '#core/swarm/downloads.ts';
import { PiecePicker } from '#core/swarm/piece-picker.ts';
import { none } from '#core/units.ts';

const test = suite('core/swarm/downloads');

const client = 0;
const block = blockLengthBytes;

interface Request {
  source: number;
  piece: number;
  bytes: number;
  reason: RequestReason;
  /** Bytes of it that have arrived. */
  arrived: number;
}

/** A host without a network: requests lie there until the test lets bytes arrive. Counts what the client received. */
class Desk implements Host {
  readonly requests: Request[] = [];
  readonly sets: PieceSets;
  readonly downloads: Downloads;
  receivedBytes = 0;
  deliveredBytes = 0;
  uselessBytes = 0;

  constructor(
    file: { sizeBytes: number; pieceLengthBytes: number },
    options: { sources?: number; budget?: number } = {},
  ) {
    const { sources = 1, budget = 1 } = options;
    const pieceCount = Math.ceil(file.sizeBytes / file.pieceLengthBytes);
    this.sets = new PieceSets(1 + sources, pieceCount);
    for (let source = 1; source <= sources; source++) this.sets.holdAll(source);
    const picker = new PiecePicker(this.sets, new ExactAvailability(1 + sources, pieceCount), {
      order: 'sequential',
      endgame: { pieces: 2, sources: 2, budget },
      window: Infinity,
      priorityPieces: [],
    });
    this.downloads = new Downloads(this.sets, picker, this, 1, file);
  }

  requestPiece(_client: number, source: number, piece: number, bytes: number, reason: RequestReason): void {
    this.requests.push({ source, piece, bytes, reason, arrived: 0 });
  }

  cancelPiece(_client: number, piece: number): void {
    for (const request of this.requests.filter((each) => each.piece === piece)) this.breakOff(request);
  }

  ask(source: number): Request | undefined {
    return this.downloads.askNext(client, source) ? this.requests.at(-1) : undefined;
  }

  /** All of it is there. */
  arrive(request: Request): void {
    this.end(request);
    this.receivedBytes += request.bytes;
    const { piece, bytes } = request;
    if (this.downloads.received(client, piece, bytes)) this.deliveredBytes += this.downloads.pieceBytes(piece);
    else this.uselessBytes += bytes;
  }

  /** It ends with what has arrived so far. */
  breakOff(request: Request): void {
    this.end(request);
    this.receivedBytes += request.arrived;
    this.uselessBytes += this.downloads.brokenOff(client, request.piece, request.arrived);
  }

  private end(request: Request): void {
    this.requests.splice(this.requests.indexOf(request), 1);
  }
}

/** Ends a request with so many bytes. */
function breakAt(desk: Desk, request: Request | undefined, bytes: number): void {
  ok(request !== undefined);
  request.arrived = bytes;
  desk.breakOff(request);
}

const file = { sizeBytes: 3 * 4 * block + 100, pieceLengthBytes: 4 * block };

test('bytes of pieces: whole ones, and a short last one', () => {
  const { downloads, sets } = new Desk(file);
  equal(
    [0, 1, 2, 3].map((piece) => downloads.pieceBytes(piece)),
    [4 * block, 4 * block, 4 * block, 100],
  );
  is(downloads.heldBytes(client), 0);
  sets.hold(client, 3);
  is(downloads.heldBytes(client), 100);
  sets.holdAll(client);
  is(downloads.heldBytes(client), file.sizeBytes);
});

test('one piece after the other, until there is nothing to ask for', () => {
  const desk = new Desk(file, { budget: 0 });
  const asked: number[] = [];
  for (let request = desk.ask(1); request !== undefined; request = desk.ask(1)) asked.push(request.piece);
  equal(asked, [0, 1, 2, 3]);
  equal(new Set(desk.requests.map(({ reason }) => reason)), new Set(['rarest']));
  for (const request of [...desk.requests]) desk.arrive(request);
  ok(desk.sets.isComplete(client));
  is(desk.deliveredBytes, file.sizeBytes);
  is(desk.uselessBytes, 0);
  is(desk.ask(1), undefined);
});

test('of a broken-off piece whole blocks are kept, and the next source brings only the rest', () => {
  const desk = new Desk(file, { sources: 2 });
  breakAt(desk, desk.ask(1), 2 * block + 5000);
  is(desk.uselessBytes, 5000);
  is(desk.downloads.partialPiece[client], 0);
  const rest = desk.ask(2);
  equal(
    { piece: rest?.piece, bytes: rest?.bytes, reason: rest?.reason },
    { piece: 0, bytes: 2 * block, reason: 'partial' },
  );
  desk.arrive(rest!);
  is(desk.downloads.partialPiece[client], none);
  is(desk.deliveredBytes, 4 * block);
});

test('broken off again and again, it grows by what came; less than a block is lost', () => {
  const desk = new Desk(file);
  for (const bytes of [block + 1, block - 1, block]) breakAt(desk, desk.ask(1), bytes);
  is(desk.downloads.partialBytes[client], 2 * block);
  is(desk.uselessBytes, block);
  is(desk.ask(1)?.bytes, 2 * block);
});

test('one begun piece at a time: of a second one nothing is kept', () => {
  const desk = new Desk(file, { sources: 2 });
  const first = desk.ask(1);
  const second = desk.ask(2);
  breakAt(desk, first, block);
  breakAt(desk, second, 3 * block);
  is(desk.downloads.partialPiece[client], 0);
  is(desk.uselessBytes, 3 * block);
  is(desk.downloads.dropPartial(client), block);
  is(desk.downloads.dropPartial(client), 0);
});

test('endgame: the loser of a race is cancelled, and what it had sent is duplicate', () => {
  const desk = new Desk({ sizeBytes: 8 * block, pieceLengthBytes: 4 * block }, { sources: 3 });
  const first = desk.ask(1)!;
  desk.arrive(desk.ask(1)!);
  const second = desk.ask(2)!;
  equal([second.piece, second.reason], [first.piece, 'endgame']);
  is(desk.ask(3), undefined);
  first.arrived = 3 * block;
  desk.arrive(second);
  equal(desk.requests, []);
  ok(desk.sets.isComplete(client));
  is(desk.uselessBytes, 3 * block);
  is(desk.downloads.duplicateBytes[client], 3 * block);
});

test('endgame with a begun piece: the loser counts against what it was asked for', () => {
  const desk = new Desk({ sizeBytes: 4 * block, pieceLengthBytes: 4 * block }, { sources: 2 });
  breakAt(desk, desk.ask(1), block);
  const first = desk.ask(1)!;
  const second = desk.ask(2)!;
  equal([first.bytes, second.bytes], [3 * block, 3 * block]);
  first.arrived = 2 * block;
  desk.arrive(second);
  is(desk.receivedBytes, 6 * block);
  is(desk.uselessBytes, 2 * block);
  is(desk.deliveredBytes, 4 * block);
});

test('no second source beyond the budget', () => {
  const desk = new Desk({ sizeBytes: 4 * block, pieceLengthBytes: 4 * block }, { sources: 2, budget: 0.25 });
  desk.ask(1);
  breakAt(desk, desk.ask(2), block);
  is(desk.downloads.duplicateBytes[client], block);
  is(desk.ask(2), undefined);
});

test('draws of a client are numbered', () => {
  const draws = (desk: Desk) => [1, 2, 3].map(() => desk.downloads.draw(client));
  equal(draws(new Desk(file)), draws(new Desk(file)));
  is(new Set(draws(new Desk(file))).size, 3);
});

/** What a host does next: asks a source, lets some bytes arrive, ends a request, or all of it is there. */
type Step = { kind: 'ask' | 'progress' | 'break' | 'arrive'; pick: number; share: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('ask', 'ask', 'progress', 'break', 'arrive'),
    pick: fc.nat(100),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 60 },
);

test('whatever happens, every byte received is held, useless, or of the begun piece', () => {
  const files = fc.record({
    pieces: fc.integer({ min: 1, max: 5 }),
    pieceLengthBytes: fc.constantFrom(1000, block, block + 1, 3 * block, 4 * block + 77),
    last: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(files, steps, ({ pieces, pieceLengthBytes, last }, list) => {
      const sizeBytes = (pieces - 1) * pieceLengthBytes + Math.ceil(pieceLengthBytes * last);
      const desk = new Desk({ sizeBytes, pieceLengthBytes }, { sources: 3, budget: 0.5 });
      for (const { kind, pick, share } of list) {
        const source = 1 + (pick % 3);
        const request = desk.requests[pick % Math.max(1, desk.requests.length)];
        // A source serves one request of a client at a time.
        if (kind === 'ask' && !desk.requests.some((each) => each.source === source)) desk.ask(source);
        else if (kind === 'progress' && request !== undefined)
          request.arrived += Math.floor((request.bytes - request.arrived) * share);
        else if (kind === 'break' && request !== undefined) desk.breakOff(request);
        else if (kind === 'arrive' && request !== undefined) desk.arrive(request);
        checkBooks(desk);
      }
      for (const request of [...desk.requests]) desk.breakOff(request);
      checkBooks(desk);
    }),
    { numRuns: 500 },
  );
});

function checkBooks({ downloads, sets, requests, ...desk }: Desk): void {
  is(downloads.heldBytes(client), desk.deliveredBytes);
  is(desk.receivedBytes, desk.deliveredBytes + desk.uselessBytes + downloads.partialBytes[client]);
  is(downloads.partialPiece[client] === none, downloads.partialBytes[client] === 0);
  const perPiece = new Map<number, number>();
  for (const { piece, bytes } of requests) {
    perPiece.set(piece, (perPiece.get(piece) ?? 0) + 1);
    is(bytes, downloads.asked(client, piece), 'what is asked for does not change under way');
  }
  for (let piece = 0; piece < sets.pieceCount; piece++) {
    const sources = perPiece.get(piece) ?? 0;
    ok(sources <= 2, 'two sources at most');
    is(sets.isRequested(client, piece), sources >= 1);
    is(sets.isRequestedTwice(client, piece), sources === 2);
  }
}

test.run();
