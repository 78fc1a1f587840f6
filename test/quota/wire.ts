/** A network that loses, doubles, delays and reorders; what it does is a hash of its seed and of how much it did. */
import { clientBits, scaled } from '#core/prng.ts';

export interface WireFaults {
  delayMinMilliseconds: number;
  delayMaxMilliseconds: number;
  lossThousandths: number;
  doubleThousandths: number;
}

export const perfectWire: WireFaults = {
  delayMinMilliseconds: 5,
  delayMaxMilliseconds: 5,
  lossThousandths: 0,
  doubleThousandths: 0,
};

export class Draws {
  readonly #seed: number;
  #count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    this.#count++;
    return least + scaled(clientBits(this.#seed, 7, this.#count), most - least + 1);
  }

  isHit(thousandths: number): boolean {
    return this.between(0, 999) < thousandths;
  }

  of<Item>(list: readonly Item[]): Item {
    return list[this.between(0, list.length - 1)]!;
  }
}

interface Letter<Message> {
  at: number;
  order: number;
  message: Message;
}

export class Wire<Message> {
  faults: WireFaults;
  sentCount = 0;
  lostCount = 0;
  #letters: Letter<Message>[] = [];
  readonly #draws: Draws;

  constructor(faults: WireFaults, draws: Draws) {
    this.faults = faults;
    this.#draws = draws;
  }

  send(now: number, message: Message): void {
    const { lossThousandths, doubleThousandths } = this.faults;
    this.sentCount++;
    if (this.#draws.isHit(lossThousandths)) {
      this.lostCount++;
      return;
    }
    this.#post(now, message);
    if (this.#draws.isHit(doubleThousandths)) this.#post(now, message);
  }

  #post(now: number, message: Message): void {
    const { delayMinMilliseconds, delayMaxMilliseconds } = this.faults;
    const at = now + this.#draws.between(delayMinMilliseconds, delayMaxMilliseconds);
    this.#letters.push({ at, order: this.#draws.between(0, 1_000_000), message });
  }

  nextAt(): number {
    return this.#letters.reduce((least, { at }) => Math.min(least, at), Infinity);
  }

  /** What arrives by now, in any order among equals. */
  take(now: number): Message[] {
    const due = this.#letters.filter(({ at }) => at <= now);
    if (due.length === 0) return [];
    this.#letters = this.#letters.filter(({ at }) => at > now);
    return due.sort((left, right) => left.at - right.at || left.order - right.order).map(({ message }) => message);
  }
}
