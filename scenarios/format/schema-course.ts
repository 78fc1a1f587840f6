import * as Type from 'typebox';
import { controlDefaults, distributionDefaults } from '#core/limits.ts';
import { relayChoices } from './knobs.ts';
import {
  choice,
  either,
  endlessCount,
  frequency,
  list,
  name,
  object,
  optional,
  pair,
  quantity,
  rate,
  share,
  speed,
  text,
  time,
  whole,
} from './schema-kinds.ts';
import { policy } from './schema-policy.ts';
import { contract, file } from './schema-population.ts';
import { printQuantity } from './units.ts';

export const task = object(
  {
    name: name('Its name.'),
    file: optional(file()),
    start: optional(time('When it starts.', { default: '0s' })),
    deadline: optional(
      time("When it should be done, on the scenario's clock.", { endless: 'never', default: 'never' }),
    ),
    clients: optional(list(name('A class of clients.'), 'Who gets it; absent: all.', { minItems: 1 })),
    band: optional(whole('Priority; 0 comes first.', 0, 1000, 0)),
    weight: optional(Type.Number({ minimum: 0, maximum: 1e9, default: 1, description: 'Its weight inside its band.' })),
    floor: optional(rate('Assured origin bandwidth.', { default: '0bps' })),
    ceiling: optional(rate('Origin bandwidth at most.', { endless: 'unlimited', default: 'unlimited' })),
    policy: optional(policy("Its policy; absent: the scenario's.")),
  },
  'One file to one set of clients.',
);

const cap = () => Type.String({ pattern: '^\\s*<=.*$', default: '<= 100%', description: 'Such as "<= 10%".' });
export const distribution = object(
  {
    originConnections: optional(
      whole('Connections of one client to the origin.', 0, 1_000_000, distributionDefaults.originConnections),
    ),
    peerConnections: optional(endlessCount("Connections of one client to peers, if fewer than the policy's.")),
    speedMax: optional(speed('A client receives at most this.', { endless: 'unlimited', default: 'unlimited' })),
    window: optional(
      list(time('A time.', { endless: 'never' }), 'Distribution happens from … to ….', {
        minItems: 2,
        maxItems: 2,
        default: ['0s', 'never'],
      }),
    ),
    retries: optional(whole('Retries of a failed request.', 0, 1_000_000, distributionDefaults.retries)),
    timeout: optional(
      time('A request without an answer for this long has failed.', {
        positive: true,
        default: printQuantity('time', distributionDefaults.timeoutMilliseconds),
      }),
    ),
    priorityPieces: optional(
      list(
        either(
          [Type.String({ pattern: '^[0-9]+(-[0-9]+)?$' }), Type.Integer({ minimum: 0 })],
          'A range such as 0-3, or one piece.',
        ),
        'Pieces that are asked for first.',
      ),
    ),
    protocols: optional(
      list(Type.Enum(['bittorrent', 'http']), 'Protocols, the preferred first.', {
        minItems: 1,
        default: ['bittorrent', 'http'],
      }),
    ),
    relayChoice: optional(choice(['policy', ...relayChoices], 'How a client chooses its relay.', 'policy')),
    share: optional(
      object(
        { origin: optional(cap()), relay: optional(cap()), peer: optional(cap()) },
        'Share at most of the delivered bytes.',
        {
          default: {},
        },
      ),
    ),
    speedFloor: optional(speed('A client should receive at least this.', { default: '0B/s' })),
  },
  'Limits that the instruction sets, whatever the policy.',
  { default: {} },
);

const milliseconds = (value: number): string => printQuantity('time', value);
export const control = object(
  {
    count: optional(whole('Control servers.', 1, 1000, controlDefaults.count)),
    region: optional(name('Their region; absent: the first.')),
    dispatch: optional(
      frequency('Dispatches per time.', {
        positive: true,
        default: printQuantity('frequency', controlDefaults.dispatchPerSecond / 1000),
      }),
    ),
    reportEvery: optional(
      time('Time between two reports of a client.', {
        positive: true,
        default: milliseconds(controlDefaults.reportEveryMilliseconds),
      }),
    ),
    lease: optional(
      time('Time to live of a lease.', {
        positive: true,
        default: milliseconds(controlDefaults.leaseMilliseconds),
      }),
    ),
    slack: optional(
      time('By how much the owner outlives the holder.', {
        default: milliseconds(controlDefaults.slackMilliseconds),
      }),
    ),
    driftMax: optional(
      quantity('drift', 'Clock drift that leases allow for.', {
        default: printQuantity('drift', controlDefaults.driftMax),
      }),
    ),
  },
  'The control servers.',
  { default: {} },
);

const messageProperties = () => ({
  loss: optional(share('Lost.', { default: '0%' })),
  duplicate: optional(share('Sent twice.', { default: '0%' })),
  reorder: optional(share('Overtaken by a later one.', { default: '0%' })),
  delay: optional(time('Mean extra delay.', { default: '0s' })),
});
export const messages = object(messageProperties(), 'What happens to messages of control.', { default: {} });

const faultAt = () => time('When.');
const until = (description: string) => time(description, { endless: 'forever' });
const lasting = () => optional(time('For how long.', { endless: 'forever', default: 'forever' }));
const originName = () => Type.Enum(['main']);
const clientFault = (key: string, value: Type.TSchema, description: string) =>
  object(
    {
      at: faultAt(),
      clients: name('A class.'),
      share: optional(share('Of the class.', { default: '100%' })),
      [key]: value,
    },
    description,
  );
export const fault = either(
  [
    object(
      {
        at: faultAt(),
        relay: text('NAME/INDEX, or NAME for all of that name.'),
        down: until('For how long.'),
      },
      'A relay is down.',
    ),
    object(
      {
        at: faultAt(),
        origin: originName(),
        slow: share('Of its uplink is left.', { positive: true }),
        for: lasting(),
      },
      'The origin is slow.',
    ),
    object({ at: faultAt(), origin: originName(), down: until('For how long.') }, 'The origin is down.'),
    object(
      {
        at: faultAt(),
        origin: originName(),
        contract: object(contract(undefined), 'What changes.'),
        for: lasting(),
      },
      'The contract changes.',
    ),
    object(
      {
        at: faultAt(),
        control: whole('Which control server.', 0, 999),
        down: until('For how long.'),
        ledger: optional(choice(['kept', 'lost'], 'What becomes of its ledger.', 'kept')),
      },
      'A control server is down.',
    ),
    object(
      { at: faultAt(), control: whole('Which control server.', 0, 999), claims: until('For how long.') },
      'A control server believes that it owns the origin.',
    ),
    object(
      { at: faultAt(), regions: pair(), partition: until('For how long.') },
      'Two regions cannot reach each other.',
    ),
    clientFault('crash', until('Down for how long.'), 'Clients crash.'),
    clientFault('suspend', until('Asleep for how long.'), 'Clients sleep.'),
    clientFault('clockStep', time('By how much.', { negative: true }), 'Clocks jump.'),
    object({ at: faultAt(), messages: object(messageProperties(), 'Meanwhile.'), for: lasting() }, 'Messages suffer.'),
  ],
  'Something that goes wrong.',
);

export const model = object(
  {
    overhead: optional(share('Heads of all layers, as a share of the payload that they carry.', { default: '0%' })),
    controlKnowsLinks: optional(
      Type.Boolean({
        default: true,
        description: 'Whether control knows the lines of nodes, or assumes ordinary ones.',
      }),
    ),
    requestAhead: optional(
      time('Of what a peer sends: so much is asked of it before what was asked earlier has come.', { default: '0s' }),
    ),
    taskDelay: optional(
      time('From the order of a task to the first request of a node that is there.', { default: '0s' }),
    ),
    processStart: optional(
      time('From the arrival of a client that comes later until control knows it.', { default: '0s' }),
    ),
  },
  'What the model leaves out unless it is said here, as measured on real nodes. Only the simulator reads it.',
);
