/**
 * Peers tell each other of peers (BEP 11, ut_pex), where an operator wants it: once a minute what has come and gone
 * since, fifty of each at most. Not in private torrents (BEP 27), where the tracker alone says who takes part.
 *
 * Whoever tells may lie: only so many addresses of one message and of all peers together are taken, one message in
 * half a minute, and none that would lead from outside into this machine or its private network.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { bytesAt, decodeDictionary, encodeBencode } from './bencode.ts';
import { type PeerAddress, packAddress, unpackAddresses } from './compact-peers.ts';
import type { GuardedWire } from './guarded-wire.ts';

export const exchangeName = 'ut_pex';
/** Our number for the extension: any but 0 and that of the metadata. */
const ourNumber = 2;
const everyMilliseconds = 60_000;
/** BEP 11: no more of each in one message. */
const entriesMax = 50;
const leastMilliseconds = 30_000;
/** Of all addresses that were ever told: what trackers name must find its place, too. */
const knownMax = 500;

interface Partner {
  wire: GuardedWire;
  /** Where others can connect to it; undefined: not known. */
  address: PeerAddress | undefined;
  heardAt: number;
  toldAt: number;
  /** Those that it was told of and that are still connected. */
  told: Map<string, PeerAddress>;
}

export class PeerExchange {
  readonly #partners = new Map<GuardedWire, Partner>();
  readonly #know: (host: string, port: number) => void;
  #knownCount = 0;

  /** `know`: what a peer told of. */
  constructor(know: (host: string, port: number) => void) {
    this.#know = know;
  }

  /** Before the handshake: says that we take part. */
  offer(wire: GuardedWire): void {
    wire.extendedMapping[ourNumber] = exchangeName;
  }

  /** A peer is connected; where others reach it may become known later, or never. */
  join(wire: GuardedWire, address?: PeerAddress): void {
    const known = this.#partners.get(wire);
    if (known === undefined) {
      this.#partners.set(wire, { wire, address, heardAt: -Infinity, toldAt: -Infinity, told: new Map() });
    } else if (address !== undefined) known.address = address;
  }

  part(wire: GuardedWire): void {
    this.#partners.delete(wire);
  }

  /** An extension message of a peer at `from`. */
  heard(wire: GuardedWire, from: string, message: Uint8Array, now: number): void {
    const partner = this.#partners.get(wire);
    if (partner === undefined || now - partner.heardAt < leastMilliseconds) return;
    partner.heardAt = now;
    const told = decodeDictionary(message);
    const found = [
      ...unpackAddresses(bytesAt(told, 'added') ?? new Uint8Array(), 4).slice(0, entriesMax),
      ...unpackAddresses(bytesAt(told, 'added6') ?? new Uint8Array(), 16).slice(0, entriesMax),
    ];
    for (const { host, port } of found) {
      if (this.#knownCount >= knownMax) return;
      if (port === 0 || !mayLeadTo(host, from)) continue;
      this.#knownCount++;
      this.#know(host, port);
    }
  }

  /** Once in a while: whoever was not told for a minute is told what is new. */
  tell(now: number): void {
    for (const partner of this.#partners.values()) {
      const number = partner.wire.peerExtendedMapping[exchangeName];
      if (number === undefined || number === 0 || now - partner.toldAt < everyMilliseconds) continue;
      const message = this.#newsFor(partner);
      if (message === undefined) continue;
      partner.toldAt = now;
      partner.wire.extended(number, message);
    }
  }

  #newsFor(partner: Partner): Uint8Array | undefined {
    const there = new Map<string, PeerAddress>();
    for (const { wire, address } of this.#partners.values()) {
      if (wire !== partner.wire && address !== undefined) there.set(`${address.host} ${address.port}`, address);
    }
    const added = [...there].filter(([key]) => !partner.told.has(key)).slice(0, entriesMax);
    const dropped = [...partner.told].filter(([key]) => !there.has(key)).slice(0, entriesMax);
    if (added.length + dropped.length === 0) return undefined;
    for (const [key, address] of added) partner.told.set(key, address);
    for (const [key] of dropped) partner.told.delete(key);
    const four = pack(added, isIPv4);
    const six = pack(added, isIPv6);
    return encodeBencode({
      added: four,
      'added.f': new Uint8Array(four.length / 6),
      added6: six,
      'added6.f': new Uint8Array(six.length / 18),
      dropped: pack(dropped, isIPv4),
      dropped6: pack(dropped, isIPv6),
    });
  }
}

function pack(entries: [key: string, address: PeerAddress][], isKind: (host: string) => boolean): Uint8Array {
  const packed = entries.filter(([, { host }]) => isKind(host)).map(([, address]) => packAddress(address));
  return Buffer.concat(packed.filter((one) => one !== undefined));
}

const own = new BlockList();
own.addSubnet('127.0.0.0', 8);
own.addAddress('::1', 'ipv6');
const near = new BlockList();
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const)
  near.addSubnet(net, prefix);
near.addSubnet('100.64.0.0', 10);
near.addSubnet('fc00::', 7, 'ipv6');
near.addSubnet('fe80::', 10, 'ipv6');
const nowhere = new BlockList();
nowhere.addSubnet('0.0.0.0', 8);
nowhere.addSubnet('224.0.0.0', 3);
nowhere.addAddress('::', 'ipv6');
nowhere.addSubnet('ff00::', 8, 'ipv6');

const holds = (list: BlockList, host: string): boolean => list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');

/** Whether an address that a peer at `from` tells of may be connected to. */
export function mayLeadTo(host: string, from: string): boolean {
  if (holds(nowhere, host)) return false;
  const plain = from.replace(/^::ffff:/, '');
  const isFromOwn = holds(own, plain);
  if (holds(own, host)) return isFromOwn;
  return !holds(near, host) || isFromOwn || holds(near, plain);
}
