import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext, ReproOptions } from './options.ts';

export async function reproCommand(_options: ReproOptions, _context: CommandContext): Promise<number> {
  throw new Stop(exitCodes.failure, 'sluice repro is not there yet');
}
