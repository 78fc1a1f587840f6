/** What Ctrl-C does to a command that asks for it. */
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import type { CommandContext } from './options.ts';

export const context: CommandContext = { onInterrupt, onDrain };

function onInterrupt(whatIsKept: () => string): () => void {
  const interrupt = () => {
    process.stderr.write(`\nsluice: interrupted. ${whatIsKept()}\n`);
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', interrupt);
  return () => process.off('SIGINT', interrupt);
}

function onDrain(drain: (times: number) => string): () => void {
  let times = 0;
  const interrupt = () => {
    times++;
    process.stderr.write(`\nsluice: interrupted. ${drain(times)}\n`);
    if (times > 1) process.exit(exitCodes.interrupted);
  };
  process.on('SIGINT', interrupt);
  return () => process.off('SIGINT', interrupt);
}
