/** Redirects, credentials, addresses: where a connection to an origin goes, what it says there, what it never does. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { suite } from 'uvu';
import { equal, is, match } from 'uvu/assert';
import { AddressRule, networkProblem } from '#nodes/http/address-rule.ts';
import { type OriginAccess, OriginConnection } from '#nodes/http/origin-connection.ts';

const test = suite('nodes/http/origin-connection');

class Host {
  readonly asked: IncomingMessage[] = [];
  openMax = 0;
  #open = 0;
  readonly #server;
  url = '';

  constructor(answer: RequestListener) {
    this.#server = createServer((request, response) => {
      this.asked.push(request);
      answer(request, response);
    });
    this.#server.on('connection', (socket) => {
      this.openMax = Math.max(this.openMax, ++this.#open);
      socket.on('close', () => this.#open--);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const says: RequestListener = (request, response) => void response.end(`this is ${request.url}`);
const leads = (to: () => string): RequestListener => {
  return (_, response) => void response.writeHead(302, { location: to() }).end('elsewhere');
};

async function withHosts(answers: RequestListener[], work: (hosts: Host[]) => Promise<void>): Promise<void> {
  const hosts = await Promise.all(answers.map((answer) => new Host(answer).listen()));
  try {
    await work(hosts);
  } finally {
    for (const host of hosts) host.close();
  }
}

/** What is said at the end, or the error. */
async function ask(url: string, access: OriginAccess = {}, times = 1): Promise<string> {
  const connection = new OriginConnection(access);
  try {
    let said = '';
    for (let time = 0; time < times; time++) {
      const answer = await connection.ask(url, {}, AbortSignal.timeout(5000));
      said = `${answer.statusCode} ${await answer.body.text()}`;
    }
    return said;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await connection.destroy();
  }
}

test('a redirect on the same host is followed, with the credentials', () =>
  withHosts(
    [(request, response) => (request.url === '/a?key=1' ? leads(() => '/b?other=2') : says)(request, response)],
    async ([host]) => {
      is(await ask(`${host!.url}/a`, { query: 'key=1', authorization: 'Bearer x' }), '200 this is /b?other=2');
      equal(
        host!.asked.map(({ headers }) => headers.authorization),
        ['Bearer x', 'Bearer x'],
      );
    },
  ));

test('another host gets no credentials, and nothing at all unless it is allowed', () => {
  let to = '';
  return withHosts([leads(() => `${to}/signed?secret=1`), says], async ([home, other]) => {
    to = other!.url;
    const refused = await ask(`${home!.url}/a`, { authorization: 'Bearer x' });
    match(refused, /a redirect to http:\S+, which the operator has not allowed/);
    is(refused.includes('secret'), false);
    is(other!.asked.length, 0);
    const access = { authorization: 'Bearer x', query: 'key=1', redirects: [other!.url] };
    is(await ask(`${home!.url}/a`, access, 3), '200 this is /signed?secret=1');
    equal(
      other!.asked.map(({ headers, url }) => [headers.authorization, url]),
      Array(3).fill([undefined, '/signed?secret=1']),
    );
    is(home!.asked.length, 2, 'where it led is remembered');
    is(other!.openMax, 1);
  });
});

test('what a redirect led to runs out: it is asked for anew', () => {
  let to = '';
  let signed = 1;
  return withHosts(
    [
      leads(() => `${to}/?sign=${signed}`),
      (request, response) => {
        if (request.url !== `/?sign=${signed}`) response.writeHead(403).end();
        else says(request, response);
      },
    ],
    async ([home, other]) => {
      to = other!.url;
      const connection = new OriginConnection({ redirects: [to] });
      const once = async () => {
        const { statusCode, body } = await connection.ask(`${home!.url}/a`, {}, AbortSignal.timeout(5000));
        return `${statusCode} ${await body.text()}`;
      };
      is(await once(), '200 this is /?sign=1');
      signed = 2;
      is(await once(), '200 this is /?sign=2');
      await connection.destroy();
    },
  );
});

for (const [name, location, says] of [
  ['another protocol', 'file:///etc/passwd', /to no URL of HTTP/],
  ['nowhere', '', /to no URL of HTTP/],
  ['a URL with a password', 'http://a:b@127.0.0.1/', /a password/],
  ['itself', '/a', /more than 5 redirects/],
  ['the link-local address of clouds', 'http://169.254.169.254/latest', /169\.254\.169\.254, which .* not allowed/],
] as const) {
  test(`not followed: a redirect to ${name}`, () =>
    withHosts([leads(() => location)], async ([host]) => match(await ask(`${host!.url}/a`), says)));
}

test('only public addresses, and those that were named', () => {
  const rule = new AddressRule();
  for (const address of ['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8']) is(rule.allows(address), true);
  const special = ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0', '100.64.0.1'];
  const six = [
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
  ];
  for (const address of [...special, ...six, 'ff02::1', '255.255.255.255', ''])
    is(rule.allows(address), false, address);
  const own = new AddressRule(['10.0.0.0/8', 'fd00::/8']);
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', '8.8.8.8']) is(own.allows(address), true, address);
  is(own.allows('192.168.1.1'), false);
});

test('a name is connected to at the very address that was checked', async () => {
  const look = (rule: AddressRule, host: string) =>
    new Promise<string>((resolve) => {
      rule.lookup(host, { all: true }, (error, found) => resolve(error?.message ?? JSON.stringify(found)));
    });
  match(await look(new AddressRule(), '127.0.0.1'), /no public address: the operator has to allow the network/);
  match(await look(new AddressRule(['127.0.0.0/8']), '127.0.0.1'), /"address":"127.0.0.1"/);
  match(await look(new AddressRule(), 'localhost'), /"address"/);
  // The socket asks the rule: a name of this machine that is not `localhost` is refused at the connection.
  match(await ask(`http://${hostname()}:9/`), /no public address|ENOTFOUND|EAI_AGAIN|ECONNREFUSED/);
});

test('networks are written as networks', () => {
  for (const network of ['10.0.0.0/8', 'fd00::/8', '0.0.0.0/0']) is(networkProblem(network), undefined);
  for (const network of ['10.0.0.0', '10.0.0.0/33', 'x/8', 'fd00::/129', '', '10.0.0.0/8/8x']) {
    match(networkProblem(network) ?? 'none', /is no network/, network);
  }
});

test.run();
