import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { dispatchReasons } from '#core/record.ts';
import {
  DispatchOrder,
  dispatchAtMilliseconds,
  dispatchReason,
  dispatchWeight,
  paceUnderLoad,
  weightMax,
} from '#core/scheduler/dispatch.ts';

const test = suite('core/scheduler/dispatch');

test('evenly from the start', () => {
  equal(
    [0, 1, 2, 3, 4].map((k) => dispatchAtMilliseconds(k, 3)),
    [0, 333, 666, 1000, 1333],
  );
  is(dispatchAtMilliseconds(1_000_000, 2000), 500_000);
  is(dispatchAtMilliseconds(7, Infinity), 0);
  throws(() => dispatchAtMilliseconds(0, 0), /positive/);
});

test('no second holds more than the pace, and none of it lies idle', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.integer({ min: 1, max: 5000 }), fc.constantFrom(1, 3, 7), (first, pace, part) => {
      const perSecond = pace / part;
      const at = dispatchAtMilliseconds(first, perSecond);
      const next = first + Math.ceil(perSecond);
      ok(dispatchAtMilliseconds(next, perSecond) - at >= 1000, 'one more than a second’s worth is a second later');
      ok(dispatchAtMilliseconds(first + 1, perSecond) >= at, 'in order');
      ok(Math.abs(at - (first * 1000) / perSecond) < 1, 'within a millisecond of even');
    }),
    { numRuns: 500 },
  );
});

test('the pace gives way under load, down to a tenth', () => {
  equal(
    [0, 0.8, 0.9, 1, 3].map((load) => Math.round(paceUnderLoad(1000, load))),
    [1000, 1000, 550, 100, 100],
  );
  equal(
    [0.8, 0.81, 1].map((load) => dispatchReasons[dispatchReason(load)]),
    ['pace', 'load-high', 'load-full'],
  );
});

test('weights: network, load and history, within a byte', () => {
  is(dispatchWeight('wired', 0, 1), weightMax);
  is(dispatchWeight('mobile', 1, 0), 63);
  ok(dispatchWeight('wired', 0.5, 0.5) > dispatchWeight('mobile', 0.5, 0.5));
  ok(dispatchWeight('unknown', 0.1, 0.5) > dispatchWeight('unknown', 0.9, 0.5));
  ok(dispatchWeight('unknown', 0.5, 0.9) > dispatchWeight('unknown', 0.5, 0.1));
});

test('order: band, then weight, then row; the same as a plain sort', () => {
  const dispatch = new DispatchOrder();
  const rows = fc.array(fc.tuple(fc.nat(15), fc.oneof(fc.nat(3), fc.nat(255))), { maxLength: 60 });
  fc.assert(
    fc.property(rows, (list) => {
      const order = new Uint32Array(list.length + 2).fill(77);
      const bands = Uint8Array.from(list, ([band]) => band);
      const weights = Uint8Array.from(list, ([, weight]) => weight);
      dispatch.arrange(order, bands, weights, list.length);
      const sorted = list.map((_, row) => row);
      sorted.sort((a, b) => bands[a] - bands[b] || weights[b] - weights[a] || a - b);
      equal([...order], [...sorted, 77, 77]);
    }),
    { numRuns: 300 },
  );
  throws(() => dispatch.arrange(new Uint32Array(1), Uint8Array.of(16), Uint8Array.of(0), 1), /band/);
});

test.run();
