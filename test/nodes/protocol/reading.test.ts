import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { messageBytesMax } from '#nodes/protocol/limits.ts';
import { readFromControl, readFromNode } from '#nodes/protocol/reading.ts';

const seed = Number(process.env.SLUICE_SEED ?? 1);
const reading = suite('nodes/protocol/reading');

const acknowledge = { kind: 'acknowledge', task: 't1', revision: 3, accepted: true };
const brake = { kind: 'brake', task: 't', ratio: 1, cohortFirstQuartileBytesPerSecond: 0, cohortSize: 0 };

function problemOf(message: unknown, read: (text: string) => object = readFromNode): string {
  const answer = read(typeof message === 'string' ? message : JSON.stringify(message)) as { problem?: string };
  return answer.problem ?? 'none';
}

reading('takes what fits, from text and from bytes', () => {
  const text = JSON.stringify(acknowledge);
  assert.equal(readFromNode(text), { message: acknowledge });
  assert.equal(readFromNode(new TextEncoder().encode(text)), { message: acknowledge });
});

reading('says what is wrong where', () => {
  assert.match(problemOf('{'), /^not JSON: /);
  assert.match(problemOf('null'), /^not an object/);
  assert.match(problemOf([]), /^kind: undefined is none of hello, acknowledge, /);
  assert.match(problemOf({ kind: 'gimme' }), /^kind: "gimme" is none of/);
  assert.match(problemOf({ ...acknowledge, revision: -1 }), /^acknowledge\/revision: must be >= 1/);
  assert.match(problemOf({ ...acknowledge, more: 1 }), /^acknowledge\/more: no such field/);
  assert.match(problemOf({ ...acknowledge, task: '../x' }), /^acknowledge\/task: must match pattern/);
  assert.match(problemOf({ ...brake, ratio: 1.5 }, readFromControl), /^brake\/ratio: must be <= 1/);
  assert.match(problemOf(`"${'x'.repeat(messageBytesMax)}"`), /^longer than 65536 bytes/);
  const forged = JSON.stringify(acknowledge).replace('{', '{"__proto__":{},');
  assert.match(problemOf(forged), /^acknowledge\/__proto__: no such field/);
});

reading('bytes that are not UTF-8 are refused', () => {
  const answer = readFromNode(new Uint8Array([0x22, 0xff, 0xfe, 0x22])) as { problem?: string };
  assert.match(answer.problem ?? 'none', /^not JSON: /);
});

reading('no number that is not whole, safe or in range passes as an amount', () => {
  const numbers = { origin: 1, holder: 1, account: 1, spentBytes: 0, number: 1, node: 1, epoch: 0, sequence: 0 };
  const message = { kind: 'request', ...numbers, demandBytesPerSecond: 1, slotsWanted: 1 };
  assert.is(problemOf({ kind: 'lease', message }), 'none');
  for (const amount of [-1, 0.5, 1e308, 2 ** 53, null, '1', true]) {
    for (const field of ['demandBytesPerSecond', 'slotsWanted', 'spentBytes', 'account']) {
      assert.match(problemOf({ kind: 'lease', message: { ...message, [field]: amount } }), /^lease\/message/);
    }
  }
});

reading('any JSON and any bytes give a message or a problem, never an exception', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), (data) => {
      const answer = readFromNode(data);
      assert.ok('message' in answer || answer.problem.length > 0);
    }),
    { seed, numRuns: 500 },
  );
});

reading.run();
