/**
 * To which addresses may a connection to an origin be made? To public ones, and to those that an operator has named:
 * as the host of an origin's URL, or as a network of his. A name is looked up once, and what was checked is what is
 * connected to, so that a name cannot mean one address when it is checked and another one when it is used.
 */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Loopback, private, link-local, shared, documentation, benchmarks, multicast, reserved (IANA). */
const special = blockListOf([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  // IPv4 in other clothes is among them: compatible, translated, 6to4, Teredo. A mapped one counts as what it maps.
  ...['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32'],
  ...['2002::/16', '3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
]);

/** The host of an origin leads where nobody allowed a connection to. */
export class AddressRefused extends Error {
  override name = 'AddressRefused';
  readonly code = 'ADDRESS_REFUSED';
}

export class AddressRule {
  readonly #allowed: BlockList;

  /** `networks`: such as 10.0.0.0/8; each is one of `networkProblem`'s without a problem. */
  constructor(networks: readonly string[] = []) {
    this.#allowed = blockListOf(networks);
  }

  allows(address: string): boolean {
    if (isIP(address) === 0) return false;
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return !special.check(address, family) || this.#allowed.check(address, family);
  }

  /** For sockets: looks a name up and gives only what is allowed. */
  get lookup(): LookupFunction {
    return (host, options, callback) => {
      // `localhost` in a URL is a name that can only mean this machine.
      const isNamed = host.toLowerCase() === 'localhost';
      const all: LookupOptions & { all: true } = { ...options, all: true };
      lookup(host, all, (error, found) => {
        if (error !== null) return callback(error, '', 0);
        const allowed = isNamed ? found : found.filter(({ address }) => this.allows(address));
        if (allowed.length === 0) return callback(refused(host, found), '', 0);
        if (options.all === true) return callback(null, allowed);
        callback(null, allowed[0]!.address, allowed[0]!.family);
      });
    };
  }
}

function refused(host: string, found: LookupAddress[]): AddressRefused {
  const addresses = found.map(({ address }) => address).join(', ');
  return new AddressRefused(`${host} is ${addresses}, no public address: the operator has to allow the network`);
}

/** What is wrong with a network as an operator writes it, or undefined. */
export function networkProblem(network: string): string | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
  const bitsMax = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) === 0 || Number(length) > bitsMax) {
    return `"${network}" is no network such as 10.0.0.0/8 or fd00::/8`;
  }
  return undefined;
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', length] = network.split('/');
    list.addSubnet(address, Number(length), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
