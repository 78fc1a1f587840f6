import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fallbackDefaults, swarmDefaults } from '#core/limits.ts';
import type { Policy } from '#core/policy.ts';
import { Problem } from '#scenarios/format/error.ts';
import { isKnob, type KnobTree, knobs, parseKnob } from '#scenarios/format/knobs.ts';
import { printPolicy, readPolicy } from '#scenarios/format/policy-text.ts';
import { policies } from '#sim/policies/catalogue.ts';

const catalogue = suite('policies');

const policy = (name: string): Policy => policies[name]!;

catalogue('the named ones, in the order of comparisons', () => {
  assert.equal(Object.keys(policies), [
    'http-origin',
    'cdn',
    'p2p',
    'p2p-cdn',
    'hybrid',
    'dragonfly-like',
    'kraken-like',
    'delivery-optimization-like',
  ]);
  for (const [name, { name: own }] of Object.entries(policies)) assert.is(own, name);
});

catalogue('only the specification promises the contract', () => {
  const promising = Object.values(policies).filter(({ contract }) => contract);
  assert.equal(
    promising.map(({ name }) => name),
    ['hybrid'],
  );
});

for (const [name, named] of Object.entries(policies)) {
  catalogue(`${name} is printed and read without loss, and holds every knob`, () => {
    const text = printPolicy(named);
    assert.equal(readPolicy(text, policies, []), named);
    const { name: _, ...values } = named;
    assert.equal(leaves(values), leaves(knobs));
  });
}

/** Paths of all values or knobs. */
function leaves(tree: object, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const path = prefix + key;
    const branch = typeof value === 'object' && !Array.isArray(value) && !isKnob(value as KnobTree);
    return branch ? leaves(value as object, `${path}.`) : [path];
  });
}

catalogue("the specification's constants", () => {
  const { fallback, swarm, http } = policy('hybrid');
  assert.equal([fallback.threshold, fallback.hold], [1_000_000, 30_000]);
  assert.equal([fallback.stallProgress, fallback.stallPeriod], [0.01, 300_000]);
  assert.equal([fallback.overdue, fallback.closeRatio, fallback.closeHold], [1.5, 1.3, 10_000]);
  assert.equal(fallback.triggers, ['slow', 'stalled', 'blocked', 'overdue']);
  assert.equal([swarm.peerConnections, swarm.uploadSlots, swarm.optimisticSlots], [50, 4, 1]);
  assert.equal([swarm.chokeInterval, swarm.optimisticInterval], [10_000, 30_000]);
  assert.equal([http.hedge, http.connections, http.backoffFirst, http.backoffMax], [0.05, 4, 1000, 30_000]);
});

catalogue('the constants that other systems publish', () => {
  const dragonfly = policy('dragonfly-like');
  assert.equal([dragonfly.swarm.graph, dragonfly.swarm.candidates, dragonfly.swarm.parents], ['scheduled', 15, 3]);
  assert.equal([dragonfly.swarm.requestsInFlight, dragonfly.http.originClients], [8, 200]);
  assert.equal([dragonfly.http.parentTries, dragonfly.http.parentRetry], [4, 500]);
  assert.is(dragonfly.http.directBelow, 4 * 1024 ** 2);
  const kraken = policy('kraken-like');
  assert.equal([kraken.swarm.graph, kraken.swarm.peerConnections, kraken.swarm.pieceTimeout], ['regular', 10, 16_000]);
  assert.equal([kraken.swarm.endgame.pieces, kraken.http.when, kraken.relay.completeFirst], [3, 'never', true]);
  const delivery = policy('delivery-optimization-like').fallback;
  assert.equal([delivery.delay, delivery.threshold, delivery.hold], [60_000, 500_000, 0]);
  assert.equal(delivery.triggers, ['slow', 'blocked']);
});

catalogue('what the others leave out', () => {
  for (const name of ['http-origin', 'cdn']) assert.is(policy(name).swarm.enabled, false);
  for (const name of ['p2p', 'kraken-like']) assert.is(policy(name).http.when, 'never');
  for (const name of ['http-origin', 'p2p']) assert.is(policy(name).relay.used, false);
  for (const { name, fallback } of Object.values(policies)) {
    const triggered = ['hybrid', 'delivery-optimization-like'].includes(name);
    assert.is(fallback.triggers.length > 0, triggered, name);
  }
  assert.is(policy('hybrid').swarm, swarmDefaults);
  assert.is(policy('hybrid').fallback, fallbackDefaults);
});

catalogue('a changed knob changes nothing else', () => {
  const changed = readPolicy({ extends: 'p2p', swarm: { endgame: { budget: '7%' } } }, policies, []);
  const { swarm } = policy('p2p');
  assert.equal(changed, { ...policy('p2p'), swarm: { ...swarm, endgame: { ...swarm.endgame, budget: 0.07 } } });
  assert.is(swarm.endgame.budget, 0.02);
});

const contradictions: [knobs: object, path: string][] = [
  [{ swarm: { parents: 16 } }, 'policy.swarm.parents'],
  [{ http: { backoffFirst: '31s' } }, 'policy.http.backoffFirst'],
  [{ fallback: { closeRatio: 0.9 } }, 'policy.fallback.closeRatio'],
  [{ http: { sources: [] } }, 'policy.http.sources'],
  [{ http: { connections: 0 } }, 'policy.http'],
  [{ swarm: { enabled: false }, http: { when: 'never' } }, 'policy.http.when'],
  [{ swarm: { requestsInFlight: 0 } }, 'policy.swarm'],
  [{ swarm: { chokeInterval: '0s' } }, 'policy.swarm.chokeInterval'],
];

for (const [text, path] of contradictions) {
  catalogue(`${JSON.stringify(text)} contradicts itself`, () => {
    assert.throws(
      () => readPolicy({ extends: 'hybrid', ...text }, policies, ['policy']),
      (error: Error) => error instanceof Problem && error.path.join('.') === path,
    );
  });
}

catalogue('kinds of knobs', () => {
  const knob = (path: string) =>
    path.split('.').reduce<unknown>((tree, key) => (tree as KnobTree)[key], knobs) as never;
  assert.is(parseKnob(knob('fallback.overdue'), '150%'), 1.5);
  assert.is(parseKnob(knob('fallback.threshold'), '512KiB/s'), 524_288);
  assert.throws(() => parseKnob(knob('swarm.uploadSlots'), '4'), /"4" is not a whole number/);
  assert.throws(() => parseKnob(knob('swarm.uploadSlots'), -1), /-1 is too small: at least 0/);
  assert.throws(() => parseKnob(knob('contract'), 'yes'), /"yes" is neither true nor false/);
  assert.throws(() => parseKnob(knob('http.sources'), 'relay'), /must be a list, of relay, origin/);
  assert.throws(() => parseKnob(knob('http.sources'), ['relay', 'relay']), /names one twice/);
});

catalogue.run();
