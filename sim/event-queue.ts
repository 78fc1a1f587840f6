/**
 * What happens next. Events come out ordered by (time, sequence number): a simulation is reproducible only if equal
 * times are first-in first-out.
 *
 *   blocks (65 s each)          buckets of the block at hand (1 ms each)       heap of the bucket at hand
 *   [ . | 3 | 9 | 4 | … ]  ──▶  [ . . 2 . 1 . . 5 … ]                     ──▶  exact order
 *
 * An event moves down at most twice. Rejected: one heap for all (165–620 ns per event at a million), a wheel alone
 * (orders within a bucket by insertion, not by time).
 */
import { assert } from '#core/assert.ts';
import { none } from '#core/units.ts';

const bucketMicroseconds = 1000;
const bucketCount = 1 << 16;
const blockMicroseconds = bucketMicroseconds * bucketCount;
const entriesPerChunk = 15;
/** Events of a bucket that are announced at most: as much memory as fits a processor's own cache. */
const announcedMax = 1024;

export class EventQueue {
  /** Of the event that `pop` took out. */
  time = 0;
  payload = 0;
  sequence = 0;
  poppedCount = 0;
  count = 0;

  /** Called with the payloads of the events of the bucket that is next, in no order. */
  onBucket: (payloads: Uint32Array, count: number) => void = () => {};

  readonly #horizon: number;
  readonly #announced = new Uint32Array(announcedMax);
  readonly #blockHead: Int32Array;
  readonly #bucketHead = new Int32Array(bucketCount).fill(none);
  readonly #occupied = new Uint32Array(bucketCount / 32);
  #block = 0;
  #bucket = -1;
  #nextSequence = 1;

  // Chunks of entries: (time, payload, sequence) in 16 bytes; linked lists of chunks hang on blocks and buckets.
  #entryTime: Float64Array;
  #entryWords: Uint32Array;
  #chunkNext: Int32Array;
  #chunkCount: Uint8Array;
  #chunkFree = none;
  #chunksUsed = 0;

  #heapTime = new Float64Array(1024);
  #heapWords = new Uint32Array(2048);
  #heapCount = 0;

  /** Events after the horizon are dropped: the run has ended by then. */
  constructor(horizonMicroseconds: number, chunksExpected = 1024) {
    this.#horizon = horizonMicroseconds;
    this.#blockHead = new Int32Array(Math.floor(horizonMicroseconds / blockMicroseconds) + 2).fill(none);
    this.#entryTime = new Float64Array(chunksExpected * (entriesPerChunk + 1) * 2);
    this.#entryWords = new Uint32Array(this.#entryTime.buffer);
    this.#chunkNext = new Int32Array(chunksExpected);
    this.#chunkCount = new Uint8Array(chunksExpected);
  }

  bytes(): number {
    return this.#entryTime.byteLength + this.#chunkNext.byteLength + this.#chunkCount.byteLength;
  }

  /** Returns the event's sequence number, its identity. `time` in whole microseconds, not before the last event's. */
  push(time: number, payload: number): number {
    const sequence = this.#nextSequence++;
    if (time > this.#horizon) return sequence;
    assert(time >= this.time, 'no event in the past');
    this.count++;
    const block = Math.floor(time / blockMicroseconds);
    if (block > this.#block) {
      this.#blockHead[block] = this.#append(this.#blockHead[block], time, payload, sequence);
      return sequence;
    }
    const bucket = Math.floor((time - block * blockMicroseconds) / bucketMicroseconds);
    // `peek` may have opened a later bucket or block already: whatever comes before it goes into the heap.
    if (block < this.#block || bucket <= this.#bucket) this.#heapPush(time, payload, sequence);
    else this.#putInBucket(bucket, time, payload, sequence);
    return sequence;
  }

  /** Time of the next event, or Infinity. */
  peek(): number {
    while (this.#heapCount === 0) if (!this.#advance()) return Infinity;
    return this.#heapTime[0];
  }

  /** Takes the next event out into `time`, `payload`, `sequence`; false when there is none. */
  pop(): boolean {
    while (this.#heapCount === 0) if (!this.#advance()) return false;
    this.time = this.#heapTime[0];
    this.payload = this.#heapWords[0];
    this.sequence = this.#heapWords[1];
    this.#heapPop();
    this.count--;
    this.poppedCount++;
    return true;
  }

  #putInBucket(bucket: number, time: number, payload: number, sequence: number): void {
    this.#bucketHead[bucket] = this.#append(this.#bucketHead[bucket], time, payload, sequence);
    this.#occupied[bucket >>> 5] |= 1 << (bucket & 31);
  }

  /** Moves the next bucket, or the next block, one level down; false when nothing is left. */
  #advance(): boolean {
    const bucket = this.#nextOccupied(this.#bucket + 1);
    if (bucket !== none) {
      this.#bucket = bucket;
      this.#occupied[bucket >>> 5] &= ~(1 << (bucket & 31));
      this.#drain(this.#bucketHead[bucket], true);
      this.#bucketHead[bucket] = none;
      return true;
    }
    if (this.count === 0) return false;
    let block = this.#block + 1;
    while (this.#blockHead[block] === none) block++;
    this.#block = block;
    this.#bucket = -1;
    const head = this.#blockHead[block];
    this.#blockHead[block] = none;
    this.#drain(head, false);
    return true;
  }

  #nextOccupied(from: number): number {
    if (from >= bucketCount) return none;
    let word = from >>> 5;
    let bits = this.#occupied[word] & (0xffffffff << (from & 31));
    while (bits === 0) {
      if (++word === this.#occupied.length) return none;
      bits = this.#occupied[word];
    }
    return word * 32 + 31 - Math.clz32(bits & -bits);
  }

  #drain(head: number, toHeap: boolean): void {
    if (toHeap) this.#announce(head);
    const start = this.#block * blockMicroseconds;
    for (let chunk = head; chunk !== none; ) {
      const first = chunk * (entriesPerChunk + 1);
      for (let entry = first; entry < first + this.#chunkCount[chunk]; entry++) {
        const time = this.#entryTime[entry * 2];
        const payload = this.#entryWords[entry * 4 + 2];
        const sequence = this.#entryWords[entry * 4 + 3];
        if (toHeap) this.#heapPush(time, payload, sequence);
        else this.#putInBucket(Math.floor((time - start) / bucketMicroseconds), time, payload, sequence);
      }
      const next = this.#chunkNext[chunk];
      this.#chunkNext[chunk] = this.#chunkFree;
      this.#chunkFree = chunk;
      chunk = next;
    }
  }

  /** Shows the bucket's events to whoever wants to have their memory at hand before they come one by one. */
  #announce(head: number): void {
    let count = 0;
    for (let chunk = head; chunk !== none; chunk = this.#chunkNext[chunk]) {
      const first = chunk * (entriesPerChunk + 1);
      for (let entry = first; entry < first + this.#chunkCount[chunk] && count < announcedMax; entry++) {
        this.#announced[count++] = this.#entryWords[entry * 4 + 2];
      }
    }
    if (count > 1) this.onBucket(this.#announced, count);
  }

  /** Returns the head of the list, a new one when the old is full. */
  #append(head: number, time: number, payload: number, sequence: number): number {
    let chunk = head;
    if (chunk === none || this.#chunkCount[chunk] === entriesPerChunk) {
      chunk = this.#takeChunk();
      this.#chunkNext[chunk] = head;
      this.#chunkCount[chunk] = 0;
    }
    const entry = chunk * (entriesPerChunk + 1) + this.#chunkCount[chunk]++;
    this.#entryTime[entry * 2] = time;
    this.#entryWords[entry * 4 + 2] = payload;
    this.#entryWords[entry * 4 + 3] = sequence;
    return chunk;
  }

  #takeChunk(): number {
    if (this.#chunkFree !== none) {
      const chunk = this.#chunkFree;
      this.#chunkFree = this.#chunkNext[chunk];
      return chunk;
    }
    if (this.#chunksUsed === this.#chunkNext.length) this.#grow();
    return this.#chunksUsed++;
  }

  #grow(): void {
    const chunks = Math.ceil(this.#chunkNext.length * 1.5);
    const times = new Float64Array(chunks * (entriesPerChunk + 1) * 2);
    times.set(this.#entryTime);
    this.#entryTime = times;
    this.#entryWords = new Uint32Array(times.buffer);
    const next = new Int32Array(chunks);
    next.set(this.#chunkNext);
    this.#chunkNext = next;
    const counts = new Uint8Array(chunks);
    counts.set(this.#chunkCount);
    this.#chunkCount = counts;
  }

  #heapPush(time: number, payload: number, sequence: number): void {
    if (this.#heapCount === this.#heapTime.length) this.#growHeap();
    const times = this.#heapTime;
    const words = this.#heapWords;
    let at = this.#heapCount++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentTime = times[parent];
      if (parentTime < time || (parentTime === time && words[2 * parent + 1] < sequence)) break;
      times[at] = parentTime;
      words[2 * at] = words[2 * parent];
      words[2 * at + 1] = words[2 * parent + 1];
      at = parent;
    }
    times[at] = time;
    words[2 * at] = payload;
    words[2 * at + 1] = sequence;
  }

  #heapPop(): void {
    const times = this.#heapTime;
    const words = this.#heapWords;
    const last = --this.#heapCount;
    const time = times[last];
    const payload = words[2 * last];
    const sequence = words[2 * last + 1];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      const right = child + 1;
      if (
        right < last &&
        (times[right] < times[child] || (times[right] === times[child] && words[2 * right + 1] < words[2 * child + 1]))
      ) {
        child = right;
      }
      if (time < times[child] || (time === times[child] && sequence < words[2 * child + 1])) break;
      times[at] = times[child];
      words[2 * at] = words[2 * child];
      words[2 * at + 1] = words[2 * child + 1];
      at = child;
    }
    times[at] = time;
    words[2 * at] = payload;
    words[2 * at + 1] = sequence;
  }

  #growHeap(): void {
    const times = new Float64Array(this.#heapTime.length * 2);
    times.set(this.#heapTime);
    this.#heapTime = times;
    const words = new Uint32Array(this.#heapWords.length * 2);
    words.set(this.#heapWords);
    this.#heapWords = words;
  }
}
