import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext, CompareOptions } from './options.ts';

export async function compareCommand(_options: CompareOptions, _context: CommandContext): Promise<number> {
  throw new Stop(exitCodes.failure, 'sluice compare is not there yet');
}
