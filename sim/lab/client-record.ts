/** `sluice run --record CLIENT=FILE`: what one simulated client decided, as a file that `sluice replay` reads. */
import { type LogHeader, printHeader, printInput } from '#core/client-record.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { policyVersionOf } from '#scenarios/format/policy-version.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { ClientRecord } from '#sim/client-record.ts';
import { details } from '#sim/state.ts';

/** `CLIENT=FILE` of the option: the client's number in the population, from 0. */
export function parseRecordOption(text: string): { client: number; file: string } {
  const match = /^(\d{1,9})=(.+)$/.exec(text);
  if (match === null)
    throw new Stop(exitCodes.usage, `--record ${text}: it takes CLIENT=FILE, such as 0=first.decisions`);
  return { client: Number(match[1]), file: match[2]! };
}

/** Refuses what has no record that a node's core could run. */
export function recordFor(scenario: Scenario, client: number): ClientRecord {
  const count = scenario.clients.reduce((sum, each) => sum + each.count, 0);
  if (client >= count) throw new Stop(exitCodes.usage, `--record ${client}: there are ${count} clients, from 0 on`);
  if (details[scenario.fidelity].availability !== 'exact') {
    const text = `--record: fidelity ${scenario.fidelity} counts pieces for all clients at once, a node for itself`;
    throw new Stop(exitCodes.usage, `${text}; --fidelity standard does`);
  }
  const task = scenario.tasks.find(({ clients }) => clients.includes(classOf(scenario, client)))!;
  const { graph } = (task.policy ?? scenario.policy).swarm;
  if (graph === 'scheduled') {
    throw new Stop(exitCodes.usage, '--record: under this policy a scheduler decides, not the client');
  }
  return new ClientRecord(client);
}

export function recordText(record: ClientRecord): string {
  const options = record.options();
  const header: LogHeader = {
    kind: 'sluice-decisions',
    version: 1,
    policyVersion: policyVersionOf(options.policy),
    options,
  };
  return `${[printHeader(header), ...record.inputs.map(printInput)].join('\n')}\n`;
}

function classOf({ clients }: Scenario, client: number): number {
  let from = 0;
  return clients.findIndex(({ count }) => {
    from += count;
    return client < from;
  });
}
