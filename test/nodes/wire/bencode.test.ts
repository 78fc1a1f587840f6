/** Foreign bytes: what is sound is read as it stands, everything else ends at once with the place that is wrong. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import {
  type BencodeValue,
  decodeBencode,
  decodePrefix,
  encodeBencode,
  MalformedInput,
  rawEntry,
} from '#nodes/wire/bencode.ts';

const test = suite('nodes/wire/bencode');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

test('what the package encodes is read back', () => {
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.maxSafeInteger(),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z ]{1,8}$/), tie('value'), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(value, (given) => {
      equal(plain(decodeBencode(encodeBencode(given))), plain(given as BencodeValue));
    }),
    { numRuns: 300 },
  );
});

/** Maps as objects, byte strings as arrays, and `-0` as 0: what two readers must agree on. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'number') return value === 0 ? 0 : value;
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one)]).sort());
}

const malformed: [text: string, what: RegExp][] = [
  ['-1:', /negative/],
  ['d1:a-5:e', /negative/],
  ['-9007199254740991:x', /negative/],
  ['5:abc', /longer than the input/],
  ['99999999999999999999:x', /too large/],
  ['i9007199254740993e', /too large/],
  ['i-0e', /no sign/],
  ['i03e', /leading zeros/],
  ['03:abc', /leading zeros/],
  ['ie', /no digits/],
  ['i1', /not a digit/],
  ['i1.5e', /not a digit/],
  ['i+1e', /not a digit/],
  ['d1:b0:1:a0:e', /sorted and unique/],
  ['d1:a0:1:a0:e', /sorted and unique/],
  ['di1e0:e', /not a digit/],
  ['l', /not a digit/],
  ['d1:a', /not a digit/],
  ['i1ei2e', /follows/],
  ['', /not a digit/],
  ['l'.repeat(40) + 'e'.repeat(40), /deeper/],
];
for (const [text, what] of malformed) {
  test(`refused: ${text.slice(0, 24)}`, () => {
    throws(
      () => decodeBencode(bytes(text)),
      (error: Error) => error instanceof MalformedInput && what.test(error.message),
    );
  });
}

test('no bytes at all make it loop, throw otherwise, or take longer than their length', () => {
  const letters = fc.constantFrom(...'0123456789-:deil\0x');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(letters, { maxLength: 60 }).map((all) => all.join('')),
        fc.string(),
      ),
      (text) => {
        try {
          decodeBencode(bytes(text));
        } catch (error) {
          ok(error instanceof MalformedInput);
        }
      },
    ),
    { numRuns: 5000 },
  );
  const startedAt = performance.now();
  const long = bytes(`l${'1:x'.repeat(1_000_000)}e`);
  decodeBencode(long);
  ok(performance.now() - startedAt < 10_000);
});

test('a slice of the input is what is hashed, and data may follow a head', () => {
  const torrent = bytes('d8:announce3:url4:infod6:lengthi1e4:name1:aee');
  equal(rawEntry(torrent, 'info'), bytes('d6:lengthi1e4:name1:ae'));
  is(rawEntry(torrent, 'nothing'), undefined);
  const { value, endIndex } = decodePrefix(bytes('d5:piecei0eerest'));
  equal(plain(value), { piece: 0 });
  is(endIndex, 12);
});

test.run();
