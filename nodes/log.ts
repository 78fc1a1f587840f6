/** The log of a node: a JSON line each on stderr, by pino, as control's. Peers' addresses are not in it. */
import { pino } from 'pino';

export type NodeLog = (text: string, detail: object) => void;

/** `level`: from which on. What a node says is what happened: `info`; a problem in it makes it a warning. */
export function nodeLog(level: string): NodeLog {
  const log = pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
  return (text, detail) => {
    const isProblem = 'problem' in detail && detail.problem !== undefined;
    if (isProblem) log.warn(detail, text);
    else log.info(detail, text);
  };
}
