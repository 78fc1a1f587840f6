import * as Type from 'typebox';
import { isKnob, type KnobKind, type KnobTree, knobs } from './knobs.ts';
import { choice, either, list, object, optional, quantity, text, whole } from './schema-kinds.ts';

const knobSchema = (knob: KnobKind): Type.TSchema => {
  switch (knob.kind) {
    case 'quantity':
      return quantity(knob.quantity, knob.says);
    case 'count':
      return whole(knob.says, 0, knob.max);
    case 'boolean':
      return Type.Boolean({ description: knob.says });
    case 'choice':
      return choice(knob.words, knob.says);
    case 'choices':
      return list(Type.Enum([...knob.words]), knob.says, {});
    default:
      return knob satisfies never;
  }
};

function knobTreeSchema(tree: KnobTree): Type.TProperties {
  const properties: Record<string, Type.TSchema> = {};
  for (const [key, entry] of Object.entries(tree)) {
    properties[key] = optional(isKnob(entry) ? knobSchema(entry) : object(knobTreeSchema(entry), `Knobs of ${key}.`));
  }
  return properties as Type.TProperties;
}

const policyObject = object(
  { extends: optional(text('The named policy that this one changes.', 'hybrid')), ...knobTreeSchema(knobs) },
  'A named policy with some knobs changed.',
);
export const policy = (description: string, extra: object = {}) =>
  either([text('The name of a policy.'), policyObject], description, { shorthand: 'extends', ...extra });
