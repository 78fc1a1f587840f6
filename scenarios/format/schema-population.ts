import * as Type from 'typebox';
import { scenarioDefaults, scenarioLimits } from '#core/limits.ts';
import {
  choice,
  either,
  endlessCount,
  frequency,
  list,
  name,
  object,
  optional,
  quantity,
  rate,
  record,
  share,
  size,
  text,
  time,
  whole,
} from './schema-kinds.ts';
import { printQuantity } from './units.ts';

export const file = () =>
  object(
    {
      size: size('Size of the file.', { positive: true }),
      pieceLength: optional(
        size('Length of a piece.', {
          positive: true,
          default: printQuantity('size', scenarioDefaults.pieceLengthBytes),
        }),
      ),
    },
    'The file to distribute.',
  );

/** `fallback`: what stands where a limit is absent; without one, absent means unchanged. */
export const contract = (fallback: string | undefined) => {
  const absent = fallback === undefined ? {} : { default: fallback };
  return {
    connections: optional(
      Type.Union([Type.Literal('unlimited'), Type.Integer({ minimum: 0, maximum: 1e9 })], {
        description: 'Open connections at most.',
        ...absent,
      }),
    ),
    bandwidth: optional(rate('Bytes per second at most.', { endless: 'unlimited', ...absent })),
    burst: optional(size('Bytes at most above the bandwidth; absent: one second of it.', { endless: 'unlimited' })),
    traffic: optional(
      record(
        size('Bytes at most in the window.'),
        'a window',
        'Bytes at most in each rolling window, such as { 1h: 500GB }.',
        fallback === undefined ? {} : { default: {} },
      ),
    ),
  };
};

export const origin = object(
  {
    region: optional(name('Its region; absent: the first.')),
    uplink: rate('What it can send.', { positive: true }),
    connections: optional(endlessCount('Its own hard limit of connections; above it, it answers 503.')),
    contract: optional(
      object(contract('unlimited'), 'What its owner was promised; absent = unlimited.', { default: {} }),
    ),
  },
  'Where the file comes from.',
);

export const relay = object(
  {
    name: name('Its name; several are addressed as NAME/0, NAME/1, …'),
    region: optional(name('Its region; absent: the first.')),
    count: optional(whole('How many there are.', 0, scenarioLimits.relaysMax, 1)),
    uplink: rate('What each can send.', { positive: true }),
    downlink: optional(rate('What each can receive; absent: as its uplink.', { positive: true })),
    connections: optional(endlessCount('Connections at most, of each.')),
    bufferBeforeServing: optional(
      size('It serves once it holds this much, or the whole file.', {
        default: printQuantity('size', scenarioDefaults.bufferBeforeServingBytes),
      }),
    ),
    holds: optional(choice(['none', 'all'], 'What it holds at the start.', 'none')),
  },
  'Servers that pull from the origin and serve clients.',
);

const link = (description: string) =>
  either(
    [
      rate('The same for all.'),
      object(
        {
          mean: rate('The mean.'),
          spread: optional(share('Uniform on mean · (1 ± spread).', { default: '0%' })),
        },
        'Spread around a mean.',
      ),
    ],
    description,
    { shorthand: 'mean' },
  );

const startAt = () => optional(time('Counted from here.', { default: '0s' }));
const arrive = either(
  [
    Type.Enum(['at-once']),
    object({ at: time('All at this time.') }, 'At once.'),
    object({ at: startAt(), over: time('Uniformly over this time.', { positive: true }) }, 'Uniform.'),
    object({ at: startAt(), poisson: frequency('Arrivals per time.', { positive: true }) }, 'A Poisson process.'),
    object(
      { file: text('A CSV whose first column is the second of each arrival, relative to the scenario.') },
      'A trace.',
    ),
    object({ seconds: list(Type.Number({ minimum: 0 }), 'The second of each arrival.', { minItems: 1 }) }, 'A list.'),
  ],
  'When the clients arrive.',
  { default: 'at-once' },
);

const distributions = ['fixed', 'exponential', 'lognormal'];
const sigma = () => optional(Type.Number({ minimum: 0, maximum: 10, description: 'Sigma of the lognormal.' }));
const leave = either(
  [
    Type.Enum(['never']),
    object(
      {
        after: time('Counted from completion: the median of a lognormal, the mean of an exponential.'),
        distribution: optional(choice(distributions, 'How the times spread.', 'lognormal')),
        sigma: sigma(),
      },
      'Leaves some time after completion.',
    ),
    object(
      {
        median: time('Counted from completion.'),
        distribution: optional(Type.Enum(['lognormal'])),
        sigma: sigma(),
      },
      'Lognormal.',
    ),
    object(
      { mean: time('Counted from completion.'), distribution: optional(Type.Enum(['exponential'])) },
      'Exponential.',
    ),
    object({ fixed: time('Counted from completion.') }, 'After a fixed time.'),
    object({ aborts: share('Share that leaves before it has finished.') }, 'Leaves early.'),
  ],
  'When the clients leave.',
  { default: 'never' },
);

export const client = object(
  {
    name: name('Its name.'),
    region: optional(name('Its region; absent: the first.')),
    count: optional(whole('How many there are; absent: as many as arrivals are listed.', 0, scenarioLimits.clientsMax)),
    uplink: link('What each can send.'),
    downlink: link('What each can receive.'),
    peerToPeer: optional(
      choice(
        ['allowed', 'outgoing-only', 'blocked'],
        'Whether peers can reach it: not behind NAT, never when blocked.',
        'allowed',
      ),
    ),
    arrive: optional(arrive),
    leave: optional(leave),
    abandon: optional(
      object({ rate: optional(frequency('Chance to give up before the end.', { default: '0/s' })) }, 'Giving up.', {
        default: {},
      }),
    ),
    clockDrift: optional(quantity('drift', 'How fast its clock may drift.', { default: '0ppm' })),
  },
  'Machines that want the file.',
);
