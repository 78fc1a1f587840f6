import { type Completion, checkRegion, completeContract, horizonOf } from './completion.ts';
import type { Configuration, ContractText, FaultText } from './configuration.ts';
import { type Path, Problem } from './error.ts';
import { allowed } from './nearest.ts';
import { parseTime } from './units.ts';

/** Checks what the faults name, and writes out what they leave as it was. */
export function completeFaults(configuration: Configuration, warn: Completion['warn']): void {
  for (const [index, fault] of configuration.faults.entries()) {
    const path: Path = ['faults', index];
    if (parseTime(fault.at) >= horizonOf(configuration)) warn([...path, 'at'], 'is not before the horizon');
    completeFault(fault, configuration, path);
  }
}

function completeFault(fault: FaultText, configuration: Configuration, path: Path): void {
  const { relays, clients, control, regions, origin } = configuration;
  if (fault.relay !== undefined) relayIndexes(fault.relay, relays, [...path, 'relay']);
  if (fault.control !== undefined && fault.control >= control.count) {
    const problem = `there is no control server ${fault.control}: they are 0 to ${control.count - 1}`;
    throw new Problem([...path, 'control'], problem);
  }
  if (fault.clients !== undefined) {
    const names = clients.map(({ name }) => name);
    if (!names.includes(fault.clients)) {
      throw new Problem([...path, 'clients'], `unknown class "${fault.clients}": ${allowed(fault.clients, names)}`);
    }
  }
  for (const [end, region] of (fault.regions ?? []).entries()) checkRegion(region, regions, [...path, 'regions', end]);
  if (fault.regions !== undefined && fault.regions[0] === fault.regions[1]) {
    throw new Problem([...path, 'regions'], 'a region cannot be parted from itself');
  }
  if (fault.contract === undefined) return;
  fault.contract = changedContract(origin.contract, fault.contract, [...path, 'contract']);
}

/** What a fault does not name stays as the origin's owner was promised. */
function changedContract(contract: ContractText, change: Partial<ContractText>, path: Path): ContractText {
  const changed = { ...contract, ...change, traffic: { ...contract.traffic, ...change.traffic } };
  completeContract(changed, path);
  return changed;
}

/** Indexes among all relays, classes in order, of `NAME/INDEX` or of all that `NAME` has. */
export function relayIndexes(text: string, relays: Configuration['relays'], path: Path): number[] {
  const [name, indexText] = text.split('/');
  let before = 0;
  for (const relay of relays) {
    if (relay.name === name) return membersOf(relay, indexText, before, path);
    before += relay.count;
  }
  const names = relays.map((relay) => relay.name);
  throw new Problem(path, `unknown relay "${name}": ${allowed(name!, names)}`);
}

function membersOf(
  { name, count }: { name: string; count: number },
  indexText: string | undefined,
  before: number,
  path: Path,
): number[] {
  if (indexText === undefined) return Array.from({ length: count }, (_, index) => before + index);
  const index = Number(indexText);
  if (/^\d+$/.test(indexText) && index < count) return [before + index];
  const range = count === 0 ? 'there are none' : `they are ${name}/0 to ${name}/${count - 1}`;
  throw new Problem(path, `there is no relay "${name}/${indexText}": ${range}`);
}
