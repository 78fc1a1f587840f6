/** What an operator may change of an instruction that runs. */
import type { Instruction } from '#nodes/protocol/instruction.ts';

/** Parts of an instruction that may change while it runs: the file and whom it is for may not. */
export const changeable = new Set([
  'distribution',
  'policy',
  'relays',
  'band',
  'weight',
  'floor',
  'ceiling',
  'deadline',
]);

export function merged(instruction: Instruction, changes: Record<string, unknown>): unknown {
  const deep = (before: unknown, after: unknown): unknown => {
    if (!isGroup(before) || !isGroup(after)) return after;
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return Object.fromEntries(
      keys.map((key) => [key, Object.hasOwn(after, key) ? deep(before[key], after[key]) : before[key]]),
    );
  };
  return deep(instruction, changes);
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
