import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadScenario } from '#scenarios/format/load.ts';
import { policies } from '#sim/policies/catalogue.ts';
import { simulate } from '#sim/simulate.ts';

const shares = suite('target shares by source (M35)');

const text = `
version: 1
name: shares
file: { size: 256MiB, pieceLength: 4MiB }
origin: { region: eu, uplink: 1Gbps }
regions: [eu]
relays: [{ name: relay, region: eu, count: 1, uplink: 2Gbps, downlink: 2Gbps, connections: 500 }]
clients: [{ name: all, region: eu, count: 60, uplink: 50Mbps, downlink: 100Mbps, peerToPeer: allowed }]
policy: p2p-cdn
horizon: 1h
`;

function run(set: string[]) {
  const { scenario } = loadScenario(text, { file: 'shares.yaml', policies, set });
  return simulate(scenario).summary;
}

shares('a cap on relays moves bytes to the peers, and everybody still finishes', () => {
  const free = run([]);
  const capped = run(['distribution.share.relay=<= 20%']);
  assert.is(capped.clients.completed, 60);
  assert.ok(free.share.relay > 0.3, `${free.share.relay}`);
  assert.ok(capped.share.relay < 0.75 * free.share.relay, `${capped.share.relay} of ${free.share.relay}`);
});

shares('what the simulator would have to ignore is refused', () => {
  assert.throws(() => run(['distribution.protocols=[http]']), /not simulated yet: distribution.protocols/);
});

shares('nobody begins before the window of the distribution, and nobody goes on after it', () => {
  const free = run([]);
  const late = run(['distribution.window=[10m, 2h]']);
  assert.is(late.clients.completed, 60);
  assert.ok(late.firstByteSeconds.p50! >= 600, `first byte after ${late.firstByteSeconds.p50} s`);
  const longer = late.completionSeconds.max! - free.completionSeconds.max!;
  assert.ok(longer > 500 && longer < 700, `${longer} s longer`);
  const closes = Math.floor(free.completionSeconds.p50!);
  const short = run([`distribution.window=[0s, ${closes}s]`]);
  assert.ok(short.clients.completed > 0 && short.clients.unfinished > 10, `${short.clients.completed} finished`);
});

shares.run();
