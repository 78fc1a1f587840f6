import { suite } from 'uvu';
import { is, match } from 'uvu/assert';
import { flawOfGrant, flawOfHolderMessage } from '#core/quota/messages.ts';

const test = suite('core/quota/messages');

const request = {
  kind: 'request',
  origin: 0,
  holder: 3,
  account: 1,
  spentBytes: 0,
  number: 1,
  node: 0,
  demandBytesPerSecond: 1000,
  slotsWanted: 1,
  epoch: 0,
  sequence: 0,
};
const grant = {
  kind: 'grant',
  origin: 0,
  holder: 3,
  account: 1,
  number: 1,
  epoch: 1,
  sequence: 1,
  slots: 1,
  bytesPerSecond: 1000,
  burstBytes: 1000,
  prepaidBytes: 12_500,
  ttlMilliseconds: 10_000,
};

test('what is said is taken, also after a trip through JSON', () => {
  const { kind: _, number: _number, node: _node, demandBytesPerSecond: _rate, slotsWanted: _slots, ...rest } = request;
  for (const message of [request, { kind: 'acknowledge', ...rest }, { kind: 'release', ...rest }]) {
    is(flawOfHolderMessage(JSON.parse(JSON.stringify(message))), undefined);
  }
  is(flawOfGrant(JSON.parse(JSON.stringify(grant))), undefined);
});

test('foreign values are named with what is wrong, and never thrown at', () => {
  for (const value of [undefined, null, 1, 'request', [], {}, { kind: 'grant' }, { kind: '__proto__' }]) {
    is(typeof flawOfHolderMessage(value), 'string');
    is(typeof flawOfGrant({ ...grant, kind: String(value) }), 'string');
  }
  const bad = [-1, 0.5, Number.NaN, Infinity, 2 ** 53, '1', null, undefined, {}, 1n];
  for (const name of Object.keys(request).filter((key) => key !== 'kind')) {
    for (const value of bad) match(flawOfHolderMessage({ ...request, [name]: value }) ?? '', new RegExp(`^${name}: `));
  }
  for (const name of Object.keys(grant).filter((key) => key !== 'kind')) {
    for (const value of bad) match(flawOfGrant({ ...grant, [name]: value }) ?? '', new RegExp(`^${name}: `));
  }
  match(flawOfHolderMessage({ ...request, demandBytesPerSecond: 2 ** 42 + 1 }) ?? '', /whole number from 0 to 4398/);
  match(flawOfGrant({ ...grant, slots: 2 ** 24 + 1 }) ?? '', /^slots/);
});

test.run();
