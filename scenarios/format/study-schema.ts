import * as Type from 'typebox';
import { choice, either, list, object, optional, type Schema, share, text, whole } from './schema-kinds.ts';

/** What takes any value of a scenario, by path. */
const assignments = (description: string) =>
  optional(Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: {}, description }));

/** Most points, seeds and knobs of one study: more is a slip of the pen. */
const trialsMax = 100_000;
const replicationsMax = 10_000;

const alpha = Type.Number({
  minimum: 1e-6,
  maximum: 0.5,
  default: 0.05,
  description: 'Chance of stopping a trial wrongly, over all looks.',
});

const samplerObject = object(
  {
    kind: choice(['grid', 'random', 'sobol', 'tpe', 'nsga2'], 'How points are chosen.'),
    trials: optional(whole('How many points at most; a grid takes all of its points by default.', 1, trialsMax)),
    seed: optional(whole('Of the sampler itself.', 0, Number.MAX_SAFE_INTEGER, 1)),
    batch: optional(whole('tpe, nsga2: how many points at a time.', 1, 1000)),
  },
  'How points are chosen.',
);

/** All of a study file but the values below `baseline`, `set` and `space`, whose form the scenario decides. */
export const studySchema = object(
  {
    version: Type.Literal(1),
    name: Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$', description: 'Name of the study.' }),
    description: optional(text('What it is to find out.', '')),
    scenario: text('The scenario, from the directory of this file on; or the name of a bundled one.'),
    clients: optional(whole('Scale the classes to this many clients.', 1, 1e9)),
    fidelity: optional(choice(['reference', 'standard', 'scale'], "Instead of the scenario's.")),
    set: assignments('What every trial changes in the scenario, `path: value`.'),
    baseline: assignments('What the trials are held against, `path: value`; absent: the scenario as it is.'),
    space: assignments('The knobs, `path: [values]` or `path: { from, to, step | levels, scale }`.'),
    sampler: optional(
      either([text('kind'), samplerObject], 'How points are chosen.', { shorthand: 'kind', default: 'grid' }),
    ),
    replications: optional(whole('Seeds per trial.', 1, replicationsMax, 10)),
    race: optional(
      object(
        { after: whole('Seeds before the first look.', 2, replicationsMax), alpha: optional(alpha) },
        'Stops a trial that a paired test over seeds says is worse.',
      ),
    ),
    halving: optional(
      object(
        {
          factor: optional(whole('Of so many trials one goes on to the next round.', 2, 100, 3)),
          replications: optional(whole('Seeds in the first round.', 1, replicationsMax, 2)),
          clients: optional(share('Share of the clients in the first round.', { default: '100%' })),
        },
        'Successive halving: many trials a little, the better ones more.',
      ),
    ),
    objectives: list(text('Such as: minimize p95(completion)'), 'What is to be small or large.', {
      minItems: 1,
      maxItems: 6,
    }),
    constraints: optional(list(text('Such as origin.violations == 0.'), 'What must hold with every seed.')),
    expect: optional(list(text('Such as p95(completion) < 15m.'), 'What must hold for the recommended trial.')),
  },
  'A study: which knobs of a scenario are tried, and what is to come of it.',
) as unknown as Schema;
