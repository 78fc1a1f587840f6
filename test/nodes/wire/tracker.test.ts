/** Our tracker and our client of trackers, over real HTTP; and packed addresses. */
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { httpServer, listen } from '#nodes/http/http-service.ts';
import { bytesAt, decodeDictionary, integerAt, utf8 } from '#nodes/wire/bencode.ts';
import { type PeerAddress, packAddress, unpackAddresses } from '#nodes/wire/compact-peers.ts';
import { Tracker } from '#nodes/wire/tracker.ts';
import { TrackerClient } from '#nodes/wire/tracker-client.ts';

const test = suite('nodes/wire/tracker');
const infoHash = Uint8Array.from({ length: 20 }, (_, index) => 250 - index * 11);
const hash = Buffer.from(infoHash).toString('hex');
const escaped = [...infoHash].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

async function withTracker(work: (url: string, tracker: Tracker) => Promise<void>): Promise<void> {
  const tracker = new Tracker();
  const server = httpServer(async (request, response) => {
    if (request.url?.startsWith('/announce')) tracker.announce(request, response);
    else tracker.scrape(request, response);
  });
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  try {
    await work(`http://127.0.0.1:${port}`, tracker);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function announce(url: string, id: string, rest: string) {
  const answer = await fetch(`${url}/announce?info_hash=${escaped}&peer_id=${id.padEnd(20, '-')}&${rest}`);
  return decodeDictionary(new Uint8Array(await answer.arrayBuffer()));
}

test('peers learn of each other, of the relay, and not of those that stopped', async () => {
  await withTracker(async (url, tracker) => {
    tracker.add(hash, () => [{ host: '10.0.0.9', port: 9 }]);
    await announce(url, 'one', 'port=1001&left=5&compact=1&event=started');
    await announce(url, 'seed', 'port=1002&left=0&compact=1&event=completed');
    const peersOf = async (rest: string) => {
      const reply = await announce(url, 'me', `port=1003&compact=1&${rest}`);
      const peers = unpackAddresses(bytesAt(reply, 'peers')!, 4);
      return peers.map(({ host, port }) => `${host}:${port}`).sort();
    };
    equal(await peersOf('left=5'), ['10.0.0.9:9', '127.0.0.1:1001', '127.0.0.1:1002']);
    equal(await peersOf('left=0'), ['10.0.0.9:9', '127.0.0.1:1001'], 'a seed needs no seeds');
    await announce(url, 'one', 'port=1001&left=5&event=stopped');
    equal(await peersOf('left=5'), ['10.0.0.9:9', '127.0.0.1:1002']);
    const scraped = await (await fetch(`${url}/scrape?info_hash=${escaped}`)).arrayBuffer();
    const files = decodeDictionary(new Uint8Array(scraped)).get('files') as Map<string, Map<string, number>>;
    equal(Object.fromEntries(files.get(Buffer.from(infoHash).toString('latin1'))!), {
      complete: 1,
      downloaded: 1,
      incomplete: 1,
    });
  });
});

test('what is wrong with an announce is said in bencode', async () => {
  await withTracker(async (url, tracker) => {
    const failure = async (query: string) => {
      const answer = await fetch(`${url}/announce?${query}`);
      return utf8(bytesAt(decodeDictionary(new Uint8Array(await answer.arrayBuffer())), 'failure reason')!);
    };
    match(await failure('info_hash=abc'), /unknown torrent/);
    tracker.add(hash, () => []);
    match(await failure(`info_hash=${escaped}&peer_id=short&port=1`), /peer_id/);
    match(await failure(`info_hash=${escaped}&peer_id=${'x'.repeat(20)}&port=99999`), /port/);
  });
});

test('the client announces its start and its end, and brings peers', async () => {
  await withTracker(async (url, tracker) => {
    tracker.add(hash, () => [{ host: '10.0.0.9', port: 9 }]);
    const progress = () => ({ uploaded: 0, downloaded: 0, left: 10, wantsPeers: true });
    const announced = { infoHash, peerId: Buffer.alloc(20, 7), port: 4321, progress };
    const found = await new Promise<PeerAddress[]>((resolve) => {
      client = new TrackerClient(`${url}/announce`, announced, resolve);
    });
    equal(found, [{ host: '10.0.0.9', port: 9 }]);
    is(tracker.peerCount(hash), 1);
    await client!.stop();
    is(tracker.peerCount(hash), 0);
  });
});
let client: TrackerClient | undefined;

test('a tracker that answers with poison changes nothing', async () => {
  const poisons = ['d8:intervali60e5:peers-5:e', 'not bencode', `d5:peers6:${'x'.repeat(6)}`, ''];
  for (const poison of poisons) {
    const server = httpServer(async (_request, response) => void response.end(poison));
    const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
    let peers = 0;
    const progress = () => ({ uploaded: 0, downloaded: 0, left: 10, wantsPeers: true });
    const announced = { infoHash, peerId: Buffer.alloc(20, 7), port: 1, progress };
    const poisoned = new TrackerClient(`http://127.0.0.1:${port}/announce`, announced, (found) => {
      peers += found.length;
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    is(peers, 0, poison);
    await poisoned.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('addresses are packed as BEP 23 and BEP 7 say', () => {
  equal(packAddress({ host: '127.0.0.1', port: 6881 }), Uint8Array.of(127, 0, 0, 1, 26, 225));
  equal(packAddress({ host: '::ffff:10.0.0.1', port: 1 }), Uint8Array.of(10, 0, 0, 1, 0, 1));
  const six = packAddress({ host: 'fe80::1:2', port: 80 })!;
  is(six.length, 18);
  equal(unpackAddresses(six, 16), [{ host: 'fe80:0:0:0:0:0:1:2', port: 80 }]);
  is(packAddress({ host: 'example.org', port: 80 }), undefined);
  ok(integerAt(new Map([['a', 5]]), 'a', 0, 4) === undefined);
});

test.run();
