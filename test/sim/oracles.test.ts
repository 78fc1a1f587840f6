// test-time-limit: 300s
/** Oracles 2, 3 and (small) 4: what theory says of whole runs. Oracle 1 is in `random-runs`, 5 in `network`. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { perSecond, run } from './scenario-text.ts';
import { steadyState } from './steady-state.ts';

const test = suite('sim/oracles');

const within = (actual: number | null, expected: number, ratio: number) =>
  ok(actual !== null && Math.abs(actual / expected - 1) <= ratio, `${actual} instead of ${expected}`);

interface ClientServer {
  clients: number;
  fileBytes: number;
  pieceBytes: number;
  sourceRate: number;
  downlink: number;
}

function lastOf(given: ClientServer, fidelity: string, more: object = {}): number | null {
  const { clients, fileBytes, pieceBytes, sourceRate, downlink } = given;
  return run({
    fidelity,
    policy: 'http-origin',
    file: { size: `${fileBytes}B`, pieceLength: `${pieceBytes}B` },
    origin: { uplink: perSecond(sourceRate) },
    clients: [{ name: 'all', count: clients, uplink: '1MB/s', downlink: perSecond(downlink) }],
    ...more,
  }).summary.finishSeconds.max;
}

const byTheory = ({ clients, fileBytes, sourceRate, downlink }: ClientServer) =>
  Math.max((clients * fileBytes) / sourceRate, fileBytes / downlink);

test('oracle 2, reference: client and server need max(N·F/u, F/d), exactly', () => {
  for (const clients of [1, 2, 10, 64, 65, 200]) {
    for (const downlink of [125_000, 1_000_000, 4_000_000]) {
      const given = { clients, fileBytes: 16e6, pieceBytes: 1e6, sourceRate: 10e6, downlink };
      within(lastOf(given, 'reference'), byTheory(given), 1e-9);
    }
  }
});

const worlds: fc.Arbitrary<ClientServer> = fc
  .record({
    clients: fc.integer({ min: 1, max: 100 }),
    pieces: fc.integer({ min: 1, max: 20 }),
    pieceBytes: fc.integer({ min: 100_000, max: 4_000_000 }),
    last: fc.double({ min: 0.001, max: 1, noNaN: true }),
    sourceRate: fc.integer({ min: 100_000, max: 20_000_000 }),
    downlink: fc.integer({ min: 100_000, max: 20_000_000 }),
  })
  .map(({ pieces, last, ...rest }) => ({
    ...rest,
    fileBytes: (pieces - 1) * rest.pieceBytes + Math.ceil(last * rest.pieceBytes),
  }));

test('oracle 2, reference: any file, any rates, to a microsecond for each piece', () => {
  fc.assert(
    fc.property(worlds, (given) => {
      const actual = lastOf(given, 'reference');
      const pieces = Math.ceil(given.fileBytes / given.pieceBytes);
      const seconds = (2 * (pieces + 1)) / 1e6;
      ok(actual !== null && Math.abs(actual - byTheory(given)) <= seconds, `${actual} instead of ${byTheory(given)}`);
    }),
    { numRuns: 60 },
  );
});

test('oracle 2, standard and scale: within 1 %', () => {
  fc.assert(
    fc.property(worlds, (given) => {
      // Many on one link wait up to 55 ms for their share.
      fc.pre(byTheory(given) > 20);
      for (const fidelity of ['standard', 'scale']) within(lastOf(given, fidelity), byTheory(given), 0.01);
    }),
    { numRuns: 60 },
  );
});

test('oracle 2, with latency: one connection and one request more, two round trips', () => {
  const given = { clients: 4, fileBytes: 16e6, pieceBytes: 1e6, sourceRate: 10e6, downlink: 2e6 };
  within(lastOf(given, 'reference', { latency: { 'main-main': '50ms' } }), byTheory(given) + 4 * 0.05, 1e-6);
});

test('oracle 2: who waits in front of a full server comes back; no second is lost for good', () => {
  const given = { clients: 20, fileBytes: 16e6, pieceBytes: 1e6, sourceRate: 10e6, downlink: 10e6 };
  const last = lastOf(given, 'reference', { origin: { uplink: '10MB/s', connections: 4 } });
  // A client that was refused looks again within 30 s.
  ok(last !== null && last >= byTheory(given) - 1e-9 && last <= byTheory(given) + 30, `${last}`);
});

/** Oracle 3: the least rounds in which M parts reach N peers, all uplinks equal, one part per round. */
const roundsLeast = (peers: number, parts: number) => parts + Math.floor(Math.log2(peers));

test('oracle 3: no swarm beats the optimal dissemination of Mundinger, Weber and Weiss', () => {
  const lines: string[] = [];
  for (const fidelity of ['reference', 'standard', 'scale']) {
    for (const [peers, parts] of [
      [1, 8],
      [2, 16],
      [4, 16],
      [8, 64],
      [16, 64],
      [31, 100],
      [64, 128],
    ] as const) {
      const { finishSeconds } = run({
        fidelity,
        policy: 'p2p',
        file: { size: `${parts}MB`, pieceLength: '1MB' },
        origin: { uplink: '1MB/s' },
        clients: [{ name: 'all', count: peers, uplink: '1MB/s', downlink: '1GB/s' }],
      }).summary;
      const rounds = roundsLeast(peers, parts);
      ok(finishSeconds.max !== null && finishSeconds.max >= rounds * (1 - 1e-6), `${peers} peers, ${parts} parts`);
      // A part is taken by one client at a time here, so that a swarm of one is as fast as can be.
      if (peers === 1) within(finishSeconds.max, rounds, 1e-9);
      ok(finishSeconds.max < 3 * rounds, `${finishSeconds.max} of ${rounds} rounds`);
      lines.push(`${fidelity}, ${peers} peers, ${parts} parts: ${(finishSeconds.max / rounds).toFixed(2)}`);
    }
  }
  console.log(`times the least number of rounds\n  ${lines.join('\n  ')}`);
});

test('oracle 4, a small swarm at scale: a mean download takes what Qiu and Srikant say', () => {
  const state = steadyState({ fidelity: 'scale', arrivalsPerSecond: 8, pieces: 256, downlink: 8e6, seedSeconds: 32 });
  console.log(`${state.meanSeconds.toFixed(1)} s, by theory ${state.expectedSeconds} s`);
  within(state.meanSeconds, state.expectedSeconds, 0.15);
});

test('the bytes of a plain server are the file times the clients, and all from the origin', () => {
  const { summary } = run({ policy: 'http-origin', fidelity: 'reference' });
  equal(summary.share, { origin: 1, relay: 0, peer: 0 });
  is(summary.bytes.originSent, 4 * 16e6);
  is(summary.bytes.delivered, 4 * 16e6);
  is(summary.origin.peakConnections, 4);
});

test.run();
