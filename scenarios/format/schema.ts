import * as Type from 'typebox';
import { scenarioDefaults, scenarioLimits } from '#core/limits.ts';
import { control, distribution, fault, messages, model, task } from './schema-course.ts';
import {
  choice,
  either,
  list,
  name,
  object,
  optional,
  pair,
  quantity,
  rate,
  record,
  type Schema,
  text,
  time,
  whole,
} from './schema-kinds.ts';
import { policy } from './schema-policy.ts';
import { client, file, origin, relay } from './schema-population.ts';
import { printQuantity } from './units.ts';

const perByte = (description: string) => optional(quantity('pricePerByte', description, { default: '0/GB' }));
const prices = object(
  {
    currency: optional(text('Only printed.', 'USD')),
    origin: perByte('What the origin sends.'),
    relay: perByte('What relays send.'),
    peer: perByte('What peers send.'),
    relayHour: optional(quantity('pricePerTime', 'A relay, for as long as the run.', { default: '0/h' })),
    originPeak: optional(
      either(
        [
          quantity('pricePerRate', 'Per rate.'),
          object(
            {
              price: quantity('pricePerRate', 'Per rate.'),
              percentile: optional(
                Type.Number({
                  minimum: 0,
                  maximum: 100,
                  default: scenarioDefaults.originPeakPercentile,
                  description: 'Which.',
                }),
              ),
            },
            'Per rate of a percentile.',
          ),
        ],
        "The origin's peak rate.",
        { shorthand: 'price', default: '0/Mbps' },
      ),
    ),
    between: optional(
      record(quantity('pricePerByte', 'Per byte.'), 'a pair of regions', 'What flows between two regions.'),
    ),
  },
  'Prices.',
  { default: {} },
);

export const scenarioSchema = object(
  {
    $schema: optional(text('For editors.')),
    version: Type.Literal(1, { description: 'Of this format.' }),
    name: text('A name for people.'),
    description: optional(text('What it shows.', '')),
    seed: optional(whole('Of every random stream.', 0, Number.MAX_SAFE_INTEGER, scenarioDefaults.seed)),
    horizon: optional(
      time('The run ends here at the latest.', {
        positive: true,
        default: printQuantity('time', scenarioDefaults.horizonMilliseconds),
      }),
    ),
    file: optional(file()),
    origin,
    regions: optional(
      list(name('A region.'), 'Regions.', {
        minItems: 1,
        maxItems: scenarioLimits.regionsMax,
        default: ['main'],
      }),
    ),
    latency: optional(
      record(time('One way.'), 'a pair of regions', 'Latencies, such as { eu-us: 90ms }; the same both ways.'),
    ),
    links: optional(
      list(
        object({ between: pair(), capacity: rate('Each way.', { positive: true }) }, 'A capacity that all share.'),
        'Links between regions that are a bottleneck.',
      ),
    ),
    relays: optional(list(relay, 'Relays.', { default: [], maxItems: scenarioLimits.classesMax })),
    clients: list(client, 'Classes of clients.', { minItems: 1, maxItems: scenarioLimits.classesMax }),
    prices: optional(prices),
    policy: optional(policy('A name, or a named policy with some knobs changed.', { default: 'hybrid' })),
    fidelity: optional(choice(['reference', 'standard', 'scale'], 'How exactly the network is modelled.', 'standard')),
    tasks: optional(
      list(task, 'Tasks; absent: one that brings `file` to all.', {
        minItems: 1,
        maxItems: scenarioLimits.classesMax,
      }),
    ),
    distribution: optional(distribution),
    control: optional(control),
    messages: optional(messages),
    model: optional(model),
    faults: optional(list(fault, 'Faults.')),
    expect: optional(list(text('Such as p99(completion) < 20m.'), 'What must hold in the end.')),
    published: optional(
      list(
        object(
          {
            metric: text('Such as p50(completion).'),
            value: either([Type.Number(), Type.String()], 'A number, or a text with a unit.'),
            source: optional(text('Where it was published.', '')),
          },
          'A published value, shown beside the simulated one.',
        ),
        'Published values.',
      ),
    ),
  },
  'A scenario: a file, who wants it, and what there is to bring it.',
) as unknown as Schema;

const ownKeywords = ['quantity', 'endless', 'negative', 'positive', 'shorthand', 'noun'];

/** The schema for editors and other tools: JSON Schema alone. */
export function publicSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'sluice scenario',
    ...(standardSchema(scenarioSchema) as object),
  };
}

/** A schema without our own keywords. */
export function standardSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(standardSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([key, value]) => !(ownKeywords.includes(key) && typeof value !== 'object'),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, standardSchema(value)]));
}
