import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { estimateReasons } from '#core/record.ts';
import {
  type EstimateInput,
  efficiencyMin,
  efficiencyOf,
  efficiencyWithoutHistory,
  estimateTask,
  relayConnections,
} from '#core/scheduler/estimate.ts';

const test = suite('core/scheduler/estimate');

const megabyte = 1e6;
const usual: EstimateInput = {
  fileBytes: 1000 * megabyte,
  clientCount: 100,
  downlinkBytesPerSecond: 10 * megabyte,
  uplinkSumBytesPerSecond: 300 * megabyte,
  relayUplinkSumBytesPerSecond: 200 * megabyte,
  relayCount: 4,
  sourceBytesPerSecond: 20 * megabyte,
  relaysExchange: true,
  sourceServesClients: false,
  originRatio: 0,
  relayRatio: 0.3,
  efficiencyRatio: 1,
};
const picture = (change: Partial<EstimateInput>) => {
  const { finishMilliseconds, reason } = estimateTask({ ...usual, ...change });
  return `${finishMilliseconds / 1000} s by ${estimateReasons[reason]}`;
};

test('the term that decides', () => {
  equal(picture({}), '200 s by swarm');
  equal(picture({ efficiencyRatio: 0.5 }), '400 s by swarm');
  equal(picture({ downlinkBytesPerSecond: 4 * megabyte }), '250 s by downlink');
  equal(picture({ sourceBytesPerSecond: 1 * megabyte }), '1000 s by source');
  equal(picture({ sourceBytesPerSecond: 500 * megabyte, sourceServesClients: true }), '100 s by downlink');
  equal(picture({ uplinkSumBytesPerSecond: 0, relayUplinkSumBytesPerSecond: 0 }), 'Infinity s by swarm');
  equal(
    picture({ uplinkSumBytesPerSecond: 0, relayUplinkSumBytesPerSecond: 0, relayCount: 0 }),
    '5000 s by swarm',
    'without relays the origin serves',
  );
  equal(picture({ fileBytes: 0 }), '0 s by source');
});

test('resources: the file leaves the origin once with exchange, else once per relay', () => {
  const gigabytes = (change: Partial<EstimateInput>) => {
    const { originBytes, relayBytes, peerBytes } = estimateTask({ ...usual, ...change });
    return [originBytes, relayBytes, peerBytes].map((bytes) => bytes / 1e9);
  };
  equal(gigabytes({}), [1, 30, 70]);
  equal(gigabytes({ relaysExchange: false }), [4, 30, 70]);
  equal(gigabytes({ originRatio: 0.1 }), [11, 30, 60]);
  is(estimateTask(usual).originBytesPerSecond, 5 * megabyte);
  is(relayConnections(1000, 0.25, 4), 1000);
  is(relayConnections(3, 0.1, 4), 4);
});

test('efficiency is what earlier tasks attained, long ones counting more', () => {
  is(efficiencyOf([], []), efficiencyWithoutHistory);
  is(efficiencyOf([100, 10], [200, 1000]), 110 / 1200);
  is(efficiencyOf([100], [50]), 1, 'better than the bound is a wrong bound');
  is(efficiencyOf([1], [1e9]), efficiencyMin);
  throws(() => efficiencyOf([1], []), /a bound for each/);
});

test('more of anything that serves never makes it later, more to serve never sooner', () => {
  const rate = fc.integer({ min: 0, max: 1_000_000_000 });
  fc.assert(
    fc.property(rate, rate, rate, rate, fc.nat(10_000), fc.nat(1e9), (up, relays, source, down, clients, more) => {
      const input = {
        ...usual,
        uplinkSumBytesPerSecond: up,
        relayUplinkSumBytesPerSecond: relays,
        sourceBytesPerSecond: source,
        downlinkBytesPerSecond: down,
        clientCount: clients,
      };
      const finish = (change: Partial<EstimateInput>) => estimateTask({ ...input, ...change }).finishMilliseconds;
      const own = finish({});
      ok(finish({ uplinkSumBytesPerSecond: up + more }) <= own);
      ok(finish({ relayUplinkSumBytesPerSecond: relays + more }) <= own);
      ok(finish({ sourceBytesPerSecond: source + more }) <= own);
      ok(finish({ downlinkBytesPerSecond: down + more }) <= own);
      ok(finish({ efficiencyRatio: 0.5 }) >= own);
      ok(finish({ clientCount: clients + more }) >= own);
      ok(finish({ fileBytes: usual.fileBytes + more }) >= own);
      const { originBytes, relayBytes, peerBytes } = estimateTask(input);
      is(originBytes + relayBytes + peerBytes, usual.fileBytes * (clients + 1), 'every client’s copy, and the pull');
    }),
    { numRuns: 300 },
  );
});

test.run();
