import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext, RunOptions } from './options.ts';

export async function runCommand(_options: RunOptions, _context: CommandContext): Promise<number> {
  throw new Stop(exitCodes.failure, 'sluice run is not there yet');
}
