/** What a scenario may say that the simulator does not act out yet: refused before the run, never ignored silently. */
import { ScenarioError } from '#scenarios/format/error.ts';
import type { Fault, Scenario } from '#scenarios/format/scenario.ts';
import { tasksMax } from './transfer-table.ts';

const faultsNotSimulated: ReadonlySet<Fault['kind']> = new Set(['control-claims', 'clock-step', 'messages']);

/** Throws a `ScenarioError` that names everything the simulator would have to ignore. */
export function assertSupported(scenario: Scenario): void {
  const { tasks, faults, messages, clients, distribution } = scenario;
  const missing: string[] = [];
  if (tasks.length > tasksMax) missing.push(`more than ${tasksMax} tasks`);
  for (const [index, { name }] of clients.entries()) {
    const own = tasks.filter((task) => task.clients.includes(index)).map((task) => task.name);
    if (own.length > 1) missing.push(`the class ${name} in several tasks (${own.join(', ')})`);
  }
  for (const { kind } of faults) if (faultsNotSimulated.has(kind)) missing.push(`faults of kind ${kind}`);
  if (messages.loss + messages.duplicate + messages.reorder + messages.delayMilliseconds > 0) missing.push('messages');
  if (clients.some(({ clockDrift }) => clockDrift !== 0)) missing.push('clients.clockDrift');
  const [from, until] = distribution.windowMilliseconds;
  if (from > 0 || until < Infinity) missing.push('distribution.window');
  if (distribution.protocols.length < 2) missing.push('distribution.protocols with less than both');
  if (missing.length > 0) throw new ScenarioError(`${scenario.name}: not simulated yet: ${missing.join('; ')}`);
}
