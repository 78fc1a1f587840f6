/** Addresses of peers as trackers pack them: 4 + 2 bytes (BEP 23), or 16 + 2 (BEP 7). */
import { isIPv4, isIPv6 } from 'node:net';

export interface PeerAddress {
  host: string;
  port: number;
}

/** The packed address, or undefined where `host` is none. */
export function packAddress({ host, port }: PeerAddress): Uint8Array | undefined {
  const plain = host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
  const tail = [port >> 8, port & 0xff];
  if (isIPv4(plain)) return Uint8Array.from([...plain.split('.').map(Number), ...tail]);
  return isIPv6(plain) ? Uint8Array.from([...ipv6Bytes(plain), ...tail]) : undefined;
}

/** Whole entries of the packed list; a rest that is none is left out. */
export function unpackAddresses(bytes: Uint8Array, hostLength: 4 | 16): PeerAddress[] {
  const entryLength = hostLength + 2;
  return Array.from({ length: Math.floor(bytes.length / entryLength) }, (_, index) => {
    const entry = bytes.subarray(index * entryLength, (index + 1) * entryLength);
    const host = [...entry.subarray(0, hostLength)];
    const words = Array.from({ length: 8 }, (_, word) => ((host[2 * word]! << 8) | host[2 * word + 1]!).toString(16));
    return {
      host: hostLength === 4 ? host.join('.') : words.join(':'),
      port: (entry[hostLength]! << 8) | entry[hostLength + 1]!,
    };
  });
}

function ipv6Bytes(host: string): number[] {
  // The URL parser knows every way to write one, and writes it without dots.
  const [left = '', right] = new URL(`http://[${host.split('%')[0]}]`).hostname.slice(1, -1).split('::');
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  const [first, last] = [words(left), words(right ?? '')];
  const zeros = new Array(8 - first.length - last.length).fill(0);
  return [...first, ...zeros, ...last].flatMap((word: number) => [word >> 8, word & 0xff]);
}
