import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext, DemoOptions } from './options.ts';

export async function demoCommand(_options: DemoOptions, _context: CommandContext): Promise<number> {
  throw new Stop(exitCodes.failure, 'sluice demo is not there yet');
}
