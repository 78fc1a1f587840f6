/**
 * What answers are read into on their way to the network. Who takes bytes as fast as they are read gets large buffers,
 * which cost less for each byte; everybody else, and everybody once the large ones are all out, gets small ones. So
 * slow askers cost little memory each, and fast ones, or those that were fast once, a bounded sum.
 */
import { BufferPool } from '../files/buffer-pool.ts';

const smallBytes = 64 * 1024;
const largeBytes = 1024 * 1024;
const largeMax = 32;
/** A write that ends within this was not held up by its reader. */
const fastMilliseconds = 50;

const small = new BufferPool(smallBytes, 64);
const large = new BufferPool(largeBytes, largeMax);
let largeOut = 0;

export class SendBuffer {
  bytes: Buffer = small.take();

  /** The last write of it took so long: perhaps another size fits better. */
  adapt(milliseconds: number): void {
    const isFast = milliseconds < fastMilliseconds;
    const isLarge = this.bytes.length === largeBytes;
    if (isFast === isLarge || (isFast && largeOut >= largeMax)) return;
    this.end(true);
    if (isFast) largeOut++;
    this.bytes = isFast ? large.take() : small.take();
  }

  /** `isFree`: the network has all of it; else it may still read there, and the memory is not used again. */
  end(isFree: boolean): void {
    const isLarge = this.bytes.length === largeBytes;
    if (isLarge) largeOut--;
    if (isFree) (isLarge ? large : small).give(this.bytes);
  }
}
