import fc from 'fast-check';
import { suite } from 'uvu';
import { equal } from 'uvu/assert';
import { sortRows } from '#core/quota/row-order.ts';

const test = suite('core/quota/row-order');

test('sorted by the rule, equals as they came, the rest untouched', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 50 }), fc.nat(5), (keys, more) => {
      const order = Uint32Array.from({ length: keys.length + more }, (_, row) => row);
      sortRows(keys, order, new Uint32Array(order.length), keys.length, (by, a, b) => by[a] < by[b]);
      const rows = keys.map((_, row) => row).sort((a, b) => keys[a] - keys[b]);
      const rest = Array.from({ length: more }, (_, i) => keys.length + i);
      equal([...order], [...rows, ...rest]);
    }),
    { numRuns: 300 },
  );
});

test.run();
