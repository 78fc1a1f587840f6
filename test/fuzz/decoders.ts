/** Readers of foreign bytes that need no socket: each answers, or throws the kind of error that its caller expects. */

import bencode from 'bencode';
import { fileNameProblem } from '#nodes/files/file-name.ts';
import { parseManifest, UnusableManifest } from '#nodes/files/manifest.ts';
import { networkProblem } from '#nodes/http/address-rule.ts';
import { parseRange, rangeApplies } from '#nodes/http/range-header.ts';
import { readInstruction, readOrigin, readToken } from '#nodes/protocol/instruction.ts';
import {
  readEnrolRequest,
  readFromControl,
  readFromNode,
  readPollRequest,
  readPollResponse,
} from '#nodes/protocol/reading.ts';
import { decodeBencode, decodeDictionary, decodePrefix, MalformedInput, rawEntry } from '#nodes/wire/bencode.ts';
import { packAddress, unpackAddresses } from '#nodes/wire/compact-peers.ts';
import { parseInfo, parseMagnet, parseTorrent, printMagnet, printTorrent } from '#nodes/wire/metainfo.ts';
import { Problem } from '#scenarios/format/error.ts';
import { helloOf, progressOf } from '../nodes/control/control-world.ts';
import { soundManifest, soundMetainfo } from './sound.ts';
import type { Target } from './target.ts';

const text = (value: string) => Buffer.from(value, 'latin1');
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Runs the reader; an error of another kind than the expected ones is a defect. */
function decoder(
  name: string,
  sound: Buffer[],
  read: (bytes: Buffer) => unknown,
  ...expected: (new (
    ...given: never[]
  ) => Error)[]
): Target {
  return {
    name,
    sound,
    async take(bytes) {
      try {
        read(bytes);
      } catch (error) {
        if (!expected.some((kind) => error instanceof kind)) throw error;
      }
    },
    async close() {},
  };
}

const parsed = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return bytes.toString('utf8');
  }
};

export function decoders(plant: string | undefined): Target[] {
  const info = Buffer.from(soundMetainfo.info);
  const torrent = Buffer.from(printTorrent(soundMetainfo));
  const bencoded = [info, torrent, text('d1:ali1e3:xyze1:bi-5ee'), text('le'), text('5:abcde')];
  const readBencode = (bytes: Buffer) => {
    // Planted: the package's own decoder, which never returns from a negative length.
    if (plant === 'loop') return (bencode as unknown as { decode(bytes: Buffer): unknown }).decode(bytes);
    for (const read of [decodeBencode, decodeDictionary, decodePrefix]) attempt(() => read(bytes));
    return rawEntry(bytes, 'info');
  };
  const magnet = {
    infoHash: soundMetainfo.infoHash,
    name: 'a',
    trackers: ['http://t/announce'],
    webSeeds: [],
    peers: [],
  };
  return [
    decoder('bencode', bencoded, readBencode, MalformedInput, ...(plant === 'loop' ? [Error] : [])),
    decoder('torrent', [torrent], (bytes) => parseTorrent(bytes), UnusableManifest),
    decoder('info', [info], (bytes) => parseInfo(bytes), UnusableManifest),
    decoder(
      'magnet',
      [text(printMagnet({ ...magnet, peers: ['1.2.3.4:5'] }))],
      (bytes) => parseMagnet(bytes.toString()),
      UnusableManifest,
    ),
    decoder('manifest', [Buffer.from(soundManifest)], (bytes) => parseManifest(bytes.toString()), UnusableManifest),
    decoder('range header', [text('bytes=0-5'), text('bytes=-5,7-'), text('bytes=1-2, 3-4')], (bytes) => {
      const asked = parseRange(bytes.toString('latin1'), 1000);
      if (
        asked.kind === 'ranges' &&
        asked.ranges.some(({ start, end }) => !(start >= 0 && start < end && end <= 1000))
      ) {
        throw new Error(`a range outside the file: ${JSON.stringify(asked)}`);
      }
      rangeApplies(bytes.toString('latin1'), '"x"', undefined);
    }),
    decoder('addresses', [text('\x7f\0\0\x01\x1a\xe1'), text('127.0.0.1'), text('fe80::1%x')], (bytes) => {
      for (const length of [4, 16] as const) unpackAddresses(bytes, length);
      packAddress({ host: bytes.toString('latin1'), port: 5 });
      networkProblem(bytes.toString());
      fileNameProblem(bytes.toString());
    }),
    ...protocolDecoders(),
  ];
}

/** Messages between control and nodes, and what operators send. */
function protocolDecoders(): Target[] {
  const lease = { kind: 'request', origin: 1, holder: 2, account: 3, spentBytes: 0, number: 1, node: 2 };
  const request = { ...lease, demandBytesPerSecond: 5, slotsWanted: 1, epoch: 0, sequence: 0 };
  const fromNode = [helloOf('client'), helloOf('relay'), progressOf('t'), { kind: 'lease', message: request }];
  const instruction = { url: 'http://o.example/a?b=c', targets: { groups: ['x'] }, policy: 'hybrid', deadline: '1h' };
  return [
    decoder('messages of nodes', fromNode.map(json), (bytes) => readFromNode(bytes)),
    decoder('messages of control', [json({ kind: 'goodbye', reconnectAfterMilliseconds: 5 })], (bytes) =>
      readFromControl(bytes),
    ),
    decoder('polls', [json({ poll: 1, messages: fromNode }), json({ name: 'x' })], (bytes) => {
      readPollRequest(parsed(bytes));
      readEnrolRequest(parsed(bytes));
      readPollResponse(bytes.toString());
    }),
    decoder('instructions', [json(instruction)], (bytes) => readInstruction(parsed(bytes)), Problem),
    decoder(
      'origins',
      [json({ url: 'http://o.example', contract: { connections: 5 } })],
      (bytes) => readOrigin(parsed(bytes)),
      Problem,
    ),
    decoder(
      'tokens',
      [json({ permits: 'relay', name: 'a', expires: '5h' })],
      (bytes) => readToken(parsed(bytes)),
      Problem,
    ),
  ];
}

function attempt(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MalformedInput)) throw error;
  }
}
