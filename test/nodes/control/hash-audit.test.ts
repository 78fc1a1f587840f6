/** How surely a relay that signs wrong pieces is found, against the probability that the documents state. */
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { type AuditResult, auditRowPieces, HashAudit } from '#nodes/control/hash-audit.ts';
import { GrowingManifest } from '#nodes/files/growing-manifest.ts';
import { newSigningKey, type SignedPiece, signBatch } from '#nodes/files/hash-batch.ts';

const test = suite('nodes/control/hash-audit');
const swarm = new Uint8Array(20);

/** Signs all pieces in batches of ten, and answers which pieces are fetched again. */
async function audited(pieceCount: number): Promise<number[]> {
  const signer = newSigningKey();
  const key = Buffer.from(signer.key).toString('hex');
  const manifest = new GrowingManifest(swarm, pieceCount);
  manifest.appoint([{ key, firstPiece: 0, endPiece: pieceCount }]);
  const audit = new HashAudit(manifest);
  const fetched: number[] = [];
  for (let first = 0; first < pieceCount; first += 10) {
    const pieces: SignedPiece[] = [];
    for (let piece = first; piece < Math.min(pieceCount, first + 10); piece++) {
      pieces.push({ piece, sha1: new Uint8Array(20), sha256: new Uint8Array(32) });
    }
    const reception = manifest.add(signBatch(signer, { swarm, ...manifest.nextOf(key)!, pieces }));
    if (reception.kind === 'new') audit.signed(reception.pieces);
    is(audit.isPassed, false, 'nothing is passed before all is signed');
  }
  while (!audit.isPassed) {
    await new Promise<void>((resolve, reject) => {
      const fetch = async (piece: number): Promise<AuditResult> => {
        fetched.push(piece);
        return 'same';
      };
      audit.run(fetch, async () => resolve(), reject);
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return fetched;
}

test('of each row one piece is fetched again, of a short row as well', async () => {
  for (const [pieceCount, rows] of [
    [1, 1],
    [49, 1],
    [50, 1],
    [51, 2],
    [500, 10],
  ] as const) {
    const fetched = await audited(pieceCount);
    is(new Set(fetched).size, rows);
    for (const piece of fetched) ok(piece < pieceCount);
  }
});

test('w wrong pieces in different rows are found with probability 1 − (49/50)^w', async () => {
  const rows = 10;
  const runs = 150;
  // The first piece of each row is wrong: which one is drawn must not depend on its place.
  const wrong = (piece: number) => piece % auditRowPieces === 0;
  let found = 0;
  for (let run = 0; run < runs; run++) if ((await audited(rows * auditRowPieces)).some(wrong)) found++;
  const stated = 1 - (1 - 1 / auditRowPieces) ** rows;
  const deviation = Math.sqrt((stated * (1 - stated)) / runs);
  ok(Math.abs(found / runs - stated) < 5 * deviation, `found ${found} of ${runs}, stated ${stated.toFixed(3)}`);
});

test('what cannot be fetched now is fetched later; nothing is passed meanwhile', async () => {
  const signer = newSigningKey();
  const key = Buffer.from(signer.key).toString('hex');
  const manifest = new GrowingManifest(swarm, 1);
  manifest.appoint([{ key, firstPiece: 0, endPiece: 1 }]);
  const audit = new HashAudit(manifest);
  const pieces = [{ piece: 0, sha1: new Uint8Array(20), sha256: new Uint8Array(32) }];
  manifest.add(signBatch(signer, { swarm, ...manifest.nextOf(key)!, pieces }));
  audit.signed([0]);
  const problem = await new Promise<Error>((resolve) => {
    audit.run(
      () => Promise.reject(new Error('no lease')),
      async () => {},
      resolve,
    );
  });
  is(problem.message, 'no lease');
  is(audit.isPassed, false);
});

test.run();
