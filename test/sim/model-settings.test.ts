/** What a scenario says under `model`: each setting acts as described, and an absent or empty one changes nothing. */
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { run, type ScenarioText } from './scenario-text.ts';

const test = suite('sim/model');

const client = { name: 'all', count: 6, uplink: '1MB/s', downlink: '2MB/s' };
const swarm: ScenarioText = {
  origin: { uplink: '4MB/s' },
  relays: [{ name: 'relay', uplink: '3MB/s', holds: 'all' }],
  clients: [client],
  file: { size: '16MB', pieceLength: '512kB' },
};
const alone: ScenarioText = {
  ...swarm,
  clients: [{ ...client, count: 1 }],
  policy: 'cdn',
  latency: { 'main-main': '0s' },
};

test('an empty model is no model', () => {
  equal(run({ ...swarm, model: {} }).summary, run(swarm).summary);
});

test('heads take their share of a line', () => {
  const bare = run(alone).summary.completionSeconds.max!;
  const real = run({ ...alone, model: { overhead: '25%' } }).summary.completionSeconds.max!;
  ok(Math.abs(real / bare - 1.25) < 1e-3, `${real} and ${bare}`);
});

test('a delay of the task delays everybody who is there by as much, and one of a process those who come later', () => {
  const finish = (text: ScenarioText) => run(text).summary.finishSeconds.max!;
  const bare = finish(alone);
  ok(Math.abs(finish({ ...alone, model: { taskDelay: '3s' } }) - bare - 3) < 0.01);
  is(finish({ ...alone, model: { processStart: '2s' } }), bare);
  const late = { ...alone, clients: [{ ...client, count: 1, arrive: { at: '5s' } }] };
  ok(Math.abs(finish({ ...late, model: { processStart: '2s' } }) - finish(late) - 2) < 0.01);
});

test('what is asked ahead is kept from others: every byte is accounted for, and relays send more of the file', () => {
  for (const policy of ['hybrid', 'p2p-cdn']) {
    const bare = run({ ...swarm, policy }).summary;
    const ahead = run({ ...swarm, policy, model: { requestAhead: '2s' } }).summary;
    is(ahead.clients.completed, 6);
    const { origin, relay, peer, delivered, duplicate, discarded, partial } = ahead.bytes;
    is(origin + relay + peer, delivered + duplicate + discarded + partial);
    is(delivered, bare.bytes.delivered);
    ok(ahead.share.relay > bare.share.relay, `${policy}: ${ahead.share.relay} and ${bare.share.relay}`);
  }
});

test('control that does not know the lines estimates by ordinary ones: what is slower counts as overdue sooner', () => {
  const policy = { extends: 'hybrid', fallback: { triggers: ['overdue'], hold: '1s' } };
  const slow = { ...swarm, policy, clients: [{ ...client, uplink: '100kB/s', downlink: '500kB/s' }] };
  const known = run(slow).summary.fallback.byReason.overdue;
  const assumed = run({ ...slow, model: { controlKnowsLinks: false } }).summary.fallback.byReason.overdue;
  ok(assumed > known, `${assumed} and ${known}`);
});

test.run();
