/** One line on a terminal that says how far it is; nothing in a pipe. */
import { formatSeconds } from '#scenarios/format/units.ts';
import type { Standing } from './pool.ts';

const refreshMilliseconds = 500;

/** Shows the line until the answer is called. */
export function showProgress(standing: () => Standing, stream: NodeJS.WriteStream = process.stderr): () => void {
  if (!stream.isTTY) return () => {};
  const startedAt = performance.now();
  const show = (): void => {
    const elapsedSeconds = (performance.now() - startedAt) / 1000;
    const line = progressText(standing(), elapsedSeconds).slice(0, (stream.columns ?? 80) - 1);
    stream.write(`\r\x1b[K${line}`);
  };
  show();
  const timer = setInterval(show, refreshMilliseconds);
  return () => {
    clearInterval(timer);
    stream.write('\r\x1b[K');
  };
}

export function progressText({ done, total, running, remainingSeconds }: Standing, elapsedSeconds: number): string {
  const elapsed = elapsedSeconds < 1 ? '0 s' : formatSeconds(Math.floor(elapsedSeconds));
  const parts = total > 1 ? [`${done}/${total} runs`, elapsed] : [elapsed];
  if (remainingSeconds !== undefined) parts.push(`about ${formatSeconds(Math.ceil(remainingSeconds))} left`);
  if (running.length > 0) parts.push(running.join(', '));
  return parts.join(' · ');
}
