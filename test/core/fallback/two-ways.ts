/** One world of rates, run the two ways in which the fallback policy is asked: at every tick, and only when needed. */
import { evaluate, nextTick } from '#core/fallback/fallback-policy.ts';
import {
  begin,
  closeRecovered,
  FallbackStates,
  markBlocked,
  noChange,
  recordHandshake,
  setEstimate,
  setThreshold,
} from '#core/fallback/fallback-states.ts';
import { SpeedMeters } from '#core/fallback/speed-meter.ts';
import type { FallbackPolicy } from '#core/policy.ts';
import { fallbackReasons } from '#core/record.ts';

const tickMilliseconds = 1000;
const row = 1;

/** Something that happens in the world at a millisecond: a rate changes, a handshake ends, control speaks. */
export type Happening = { atMilliseconds: number } & (
  | { kind: 'peers'; bytesPerMillisecond: number }
  | { kind: 'http'; bytesPerMillisecond: number }
  | { kind: 'handshake'; succeeded: boolean }
  | { kind: 'blocked' }
  | { kind: 'threshold'; bytesPerSecond: number }
  | { kind: 'estimate'; milliseconds: number }
);

export interface World {
  policy: FallbackPolicy;
  short: number;
  long: number;
  startTick: number;
  fileBytes: number;
  happenings: Happening[];
  endTick: number;
}

/** The world's counts at a millisecond; HTTP flows only while the row is open. */
class Counts {
  now: number;
  bytes = 0;
  httpBytes = 0;
  bytesPerMillisecond = 0;
  httpBytesPerMillisecond = 0;
  open = false;

  constructor(now: number) {
    this.now = now;
  }

  get httpNow(): number {
    return this.open ? this.httpBytesPerMillisecond : 0;
  }

  moveTo(atMilliseconds: number): void {
    this.bytes += this.bytesPerMillisecond * (atMilliseconds - this.now);
    this.httpBytes += this.httpNow * (atMilliseconds - this.now);
    this.now = atMilliseconds;
  }

  bytesAt(tick: number): number {
    return this.bytes + this.bytesPerMillisecond * (tick * tickMilliseconds - this.now);
  }

  progressAt(tick: number): number {
    return this.bytesAt(tick) + this.httpBytes + this.httpNow * (tick * tickMilliseconds - this.now);
  }
}

class Runner {
  readonly states: FallbackStates;
  readonly meters: SpeedMeters;
  readonly counts: Counts;
  readonly log: string[] = [];
  wakes = 0;

  constructor(world: World) {
    this.states = new FallbackStates(3, world.policy, tickMilliseconds);
    this.meters = new SpeedMeters(3, tickMilliseconds, world.short, world.long);
    this.counts = new Counts(world.startTick * tickMilliseconds);
    begin(this.states, this.meters, row, world.startTick, 0, world.fileBytes);
  }

  look(tick: number): void {
    const { counts } = this;
    const slope = counts.bytesPerMillisecond * tickMilliseconds;
    const progressSlope = slope + counts.httpNow * tickMilliseconds;
    const answer = evaluate(
      this.states,
      this.meters,
      row,
      tick,
      counts.bytesAt(tick),
      slope,
      counts.progressAt(tick),
      progressSlope,
    );
    this.wakes++;
    if (answer === noChange) return;
    counts.moveTo(tick * tickMilliseconds);
    counts.open = answer !== closeRecovered;
    this.log.push(`${tick} ${fallbackReasons[answer]}`);
  }

  next(): number {
    const { counts } = this;
    const lineTick = Math.ceil(counts.now / tickMilliseconds);
    const slope = counts.bytesPerMillisecond * tickMilliseconds;
    const progressSlope = slope + counts.httpNow * tickMilliseconds;
    return nextTick(
      this.states,
      this.meters,
      row,
      lineTick,
      counts.bytesAt(lineTick),
      slope,
      counts.progressAt(lineTick),
      progressSlope,
    );
  }

  happen(happening: Happening): void {
    const { counts } = this;
    counts.moveTo(happening.atMilliseconds);
    if (happening.kind === 'peers') counts.bytesPerMillisecond = happening.bytesPerMillisecond;
    else if (happening.kind === 'http') counts.httpBytesPerMillisecond = happening.bytesPerMillisecond;
    else if (happening.kind === 'handshake') recordHandshake(this.states, row, happening.succeeded);
    else if (happening.kind === 'blocked') markBlocked(this.states, row);
    else if (happening.kind === 'threshold') setThreshold(this.states, row, happening.bytesPerSecond);
    else setEstimate(this.states, this.meters, row, happening.milliseconds);
  }
}

/** Production: looks at every tick; what happens at the very millisecond of a tick comes after the look. */
export function poll(world: World): string[] {
  const runner = new Runner(world);
  let done = 0;
  for (let tick = world.startTick; tick <= world.endTick; tick++) {
    while (done < world.happenings.length && world.happenings[done].atMilliseconds < tick * tickMilliseconds) {
      runner.happen(world.happenings[done++]);
    }
    runner.look(tick);
  }
  return runner.log;
}

/** The simulator: looks before something changes and when `nextTick` says so. */
export function jump(world: World): { log: string[]; wakes: number; early: number } {
  const runner = new Runner(world);
  let early = 0;
  const wakeUntil = (lastTick: number) => {
    for (let tick = runner.next(); tick <= lastTick; tick = runner.next()) {
      const before = runner.log.length;
      if (tick <= runner.meters.lastTick[row]) throw new Error('a wake-up in the past');
      runner.look(tick);
      if (runner.log.length === before) early++;
    }
  };
  for (const happening of world.happenings) {
    const lastTick = Math.floor(happening.atMilliseconds / tickMilliseconds);
    if (lastTick > world.endTick) break;
    wakeUntil(lastTick);
    runner.look(lastTick);
    runner.happen(happening);
  }
  wakeUntil(world.endTick);
  return { log: runner.log, wakes: runner.wakes, early };
}
