/** A process that simulates once and prints what it took as JSON; `one-simulation.ts SCENARIO CHANGES`. */
import { simulate } from '#sim/simulate.ts';
import { bundledScenario } from './bundled-scenario.ts';
import { calibrate, cpuSeconds } from './calibration.ts';

export interface Measured {
  clients: number;
  completed: number;
  transfers: number;
  events: number;
  cpuSeconds: number;
  /** Of the tables that grow with the population, and of the whole process beyond what it began with. */
  tableBytesPerClient: number;
  processBytesPerClient: number;
  calibrationNanoseconds: number;
}

function measure(name: string, changes: string): Measured {
  const scenario = bundledScenario(name, JSON.parse(changes));
  const bytesBefore = process.memoryUsage().rss;
  const startedAt = cpuSeconds();
  const { summary, events, transfers, memoryBytesPerClient } = simulate(scenario);
  const took = cpuSeconds() - startedAt;
  const bytesMax = process.resourceUsage().maxRSS * 1024;
  const { total, completed } = summary.clients;
  return {
    clients: total,
    completed,
    transfers,
    events,
    cpuSeconds: took,
    tableBytesPerClient: memoryBytesPerClient,
    processBytesPerClient: Math.max(0, bytesMax - bytesBefore) / total,
    // Afterwards, so that its memory is none of the simulation's.
    calibrationNanoseconds: calibrate(),
  };
}

const [name, changes] = process.argv.slice(2);
process.stdout.write(JSON.stringify(measure(name!, changes!)));
