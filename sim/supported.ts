/** What a scenario may say that the simulator does not act out yet: refused before the run, never ignored silently. */
import { ScenarioError } from '#scenarios/format/error.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { tasksMax } from './transfer-table.ts';

/** Throws a `ScenarioError` that names everything the simulator would have to ignore. */
export function assertSupported(scenario: Scenario): void {
  const { tasks, clients, distribution } = scenario;
  const missing: string[] = [];
  if (tasks.length > tasksMax) missing.push(`more than ${tasksMax} tasks`);
  for (const [index, { name }] of clients.entries()) {
    const own = tasks.filter((task) => task.clients.includes(index)).map((task) => task.name);
    if (own.length > 1) missing.push(`the class ${name} in several tasks (${own.join(', ')})`);
  }
  if (distribution.protocols.length < 2) missing.push('distribution.protocols with less than both');
  if (missing.length > 0) throw new ScenarioError(`${scenario.name}: not simulated yet: ${missing.join('; ')}`);
}
