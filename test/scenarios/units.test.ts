import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InvalidValue } from '#scenarios/format/error.ts';
import {
  formatBytes,
  formatRate,
  formatSeconds,
  parseQuantity,
  printQuantity,
  type Quantity,
  quantityPattern,
} from '#scenarios/format/units.ts';

const units = suite('units');

const read: [Quantity, string | number, number][] = [
  ['size', '2GiB', 2 * 1024 ** 3],
  ['size', '1.5 kB', 1500],
  ['size', '7B', 7],
  ['size', '3TB', 3e12],
  ['size', 0, 0],
  ['rate', '10Gbps', 1.25e9],
  ['rate', '8bps', 1],
  ['rate', '512KiB/s', 524_288],
  ['speed', '1MB/s', 1e6],
  ['time', '250ms', 250],
  ['time', '1.5h', 5_400_000],
  ['time', '1d', 86_400_000],
  ['share', '5%', 0.05],
  ['share', 0.05, 0.05],
  ['share', '0.25', 0.25],
  ['drift', '500ppm', 0.0005],
  ['ratio', '150%', 1.5],
  ['ratio', 1.3, 1.3],
  ['frequency', '2000/s', 2],
  ['frequency', '0.1/h', 0.1 / 3_600_000],
  ['pricePerByte', '0.08/GB', 0.08 / 1e9],
  ['pricePerRate', '1/Mbps', 8 / 1e6],
  ['pricePerTime', '0.5/h', 0.5 / 3_600_000],
];

for (const [kind, text, value] of read) {
  units(`${kind} ${text} is ${value}`, () => assert.is(parseQuantity(kind, text), value));
}

const printed: [Quantity, number, string][] = [
  ['size', 2 ** 31, '2GiB'],
  ['size', 1_048_577, '1048577B'],
  ['rate', 1.25e9, '10Gbps'],
  ['rate', 1_048_576, '1MiB/s'],
  ['speed', 500_000, '500kB/s'],
  ['speed', 1_000_000, '1MB/s'],
  ['time', 0, '0s'],
  ['time', 90_000, '90s'],
  ['time', 7_200_000, '2h'],
  ['share', 0.05, '5%'],
  ['drift', 100e-6, '100ppm'],
  ['frequency', 2, '2000/s'],
  ['pricePerByte', 0.08 / 1e9, '0.08/GB'],
];

for (const [kind, value, text] of printed) {
  units(`${value} is printed as ${text}`, () => assert.is(printQuantity(kind, value), text));
}

units('words without end', () => {
  assert.is(parseQuantity('rate', 'unlimited', { endless: 'unlimited' }), Infinity);
  assert.is(printQuantity('time', Infinity, 'never'), 'never');
  assert.throws(() => parseQuantity('rate', 'unlimited'), /is not a rate/);
  assert.throws(() => parseQuantity('size', 'unlimitd', { endless: 'unlimited' }), /did you mean "unlimited"/);
});

const refused: [Quantity, unknown, RegExp][] = [
  ['rate', '100Mbs', /"100Mbs" is not a rate: allowed is .*Mbps.*; did you mean "100Mbps"\?$/],
  ['rate', '10Mb/s', /did you mean "10Mbps"\?$/],
  ['rate', '10MBps', /did you mean "10MB\/s"\?$/],
  ['rate', '100MB', /did you mean "100MB\/s"\?$/],
  ['speed', '500KB/s', /did you mean "500kB\/s"\?$/],
  ['size', '4mib', /did you mean "4MiB"\?$/],
  ['size', '4Mb', /did you mean "4MB"\?$/],
  ['size', '12', /"12" has no unit: allowed is a number with one of B, kB/],
  ['size', 12, /12 has no unit/],
  ['size', '-4MiB', /"-4MiB" is negative: a size must be at least 0/],
  ['size', '9e9TB', /too large: a size is at most/],
  ['time', '5min', /did you mean "5m"\?$/],
  ['time', '3 seconds', /did you mean "3s"\?$/],
  ['share', '130%', /too large: a share is at most 100%/],
  ['share', 'half', /or a plain number from 0 to 1/],
  ['size', null, /null is not a size/],
  ['size', [1], /\[1\] is not a size/],
  ['size', '', /"" is not a size/],
  ['size', 'NaN', /"NaN" is not a size/],
  ['size', Infinity, /is not a size/],
  ['size', '0x10B', /is not a size/],
];

for (const [kind, text, message] of refused) {
  units(`${JSON.stringify(text)} is no ${kind}`, () => {
    assert.throws(
      () => parseQuantity(kind, text),
      (error: Error) => error instanceof InvalidValue && message.test(error.message),
    );
  });
}

units('zero and negative where they are not allowed, or are', () => {
  assert.throws(() => parseQuantity('size', '0B', { positive: true }), /is zero: a size must be above 0 here/);
  assert.throws(() => parseQuantity('size', '-1B', { positive: true }), /a size must be above 0/);
  assert.is(parseQuantity('time', '-5m', { negative: true }), -300_000);
});

const kinds: [Quantity, fc.Arbitrary<number>][] = [
  ['size', fc.maxSafeNat()],
  ['rate', fc.double({ min: 0, max: 1e12, noNaN: true })],
  ['speed', fc.double({ min: 0, max: 1e12, noNaN: true })],
  ['time', fc.double({ min: 0, max: 1e12, noNaN: true })],
  ['share', fc.double({ min: 0, max: 1, noNaN: true })],
  ['drift', fc.double({ min: 0, max: 1, noNaN: true })],
  ['frequency', fc.double({ min: 0, max: 1e6, noNaN: true })],
  ['pricePerByte', fc.double({ min: 0, max: 1, noNaN: true })],
  ['pricePerRate', fc.double({ min: 0, max: 1, noNaN: true })],
  ['pricePerTime', fc.double({ min: 0, max: 1, noNaN: true })],
];

for (const [kind, values] of kinds) {
  units(`printing a ${kind} loses nothing, and its text fits the schema`, () => {
    const pattern = new RegExp(quantityPattern(kind));
    fc.assert(
      fc.property(values, (value) => {
        const text = printQuantity(kind, value);
        assert.ok(pattern.test(text), text);
        assert.is(parseQuantity(kind, text), value === 0 ? 0 : value);
      }),
      { numRuns: 300 },
    );
  });
}

units('the schema pattern and the parser agree on any text', () => {
  const words = fc.array(
    fc.constantFrom(
      ...['1', '0', '.5', 'e', '-', '+', ' ', 'M', 'k', 'b', 'B', 'ps', '/s', 'i', '%', 'm', 'unlimited'],
    ),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(fc.constantFrom<Quantity>('size', 'rate', 'time', 'share'), words, (kind, parts) => {
      const text = parts.join('').trim();
      const options = { endless: 'unlimited' as const };
      const fits = new RegExp(quantityPattern(kind, options)).test(text);
      let reads = true;
      try {
        parseQuantity(kind, text, options);
      } catch (error) {
        // What is only too large or negative is a matter of the number, not of the text's form.
        reads = /too large|negative/.test((error as Error).message) && fits;
      }
      assert.is(reads, fits, `${kind} "${text}"`);
    }),
    { numRuns: 2000 },
  );
});

units('for people', () => {
  assert.equal([0, 999.6, 1000, 2 ** 31, 1.5e12].map(formatBytes), ['0 B', '1 kB', '1 kB', '2.15 GB', '1.5 TB']);
  assert.equal([125, 1.25e9, Infinity].map(formatRate), ['125 B/s', '1.25 GB/s', 'unlimited']);
  assert.equal([0.0123, 12.345, 150, 3599.7, 7384, 200_000].map(formatSeconds), [
    '12.3 ms',
    '12.3 s',
    '2m 30s',
    '1h 00m',
    '2h 03m',
    '2d 07h',
  ]);
  assert.is(formatSeconds(null), '–');
});

units.run();
