/**
 * How much of its uplink does a client that has finished give to others? (M26)
 *
 * As TCP finds its rate: a little more each second while the uplink is free, half at once when the machine's own
 * traffic needs it.
 *
 *     bytes/s ^     ceiling ─ ─ ─ ╱▔▔▔▔▔▔│ own traffic begins
 *             |               ╱          │
 *             |          ╱               │╲__ half, or what is free if that is less
 *             |     ╱                    │   ╱
 *             | floor ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─
 *
 * Free = measured uplink − own traffic, of which a tenth is left alone. The floor keeps a seed from falling silent
 * (a swarm of silent seeds is no swarm); the ceiling is what its owner allows. Rejected: all of the uplink (the owner
 * switches the client off), a fixed share (wrong at night and by day).
 */
import { assert } from '../assert.ts';

/** What may be given, as shares of the measured uplink. */
export interface UploadLimits {
  floorRatio: number;
  ceilingRatio: number;
}

// A sixteenth of the uplink per step: from floor to ceiling in about fifteen seconds of probing once a second.
const stepRatio = 1 / 16;
const backOffRatio = 1 / 2;
// What is left of the free uplink for the machine's own next packet.
const headroomRatio = 0.9;

/** First share of a client that has just become a seed, bytes/s: in the middle of what it may give. */
export function startUpload(uplinkBytesPerSecond: number, limits: UploadLimits): number {
  checkLimits(uplinkBytesPerSecond, limits);
  return (uplinkBytesPerSecond * (limits.floorRatio + limits.ceilingRatio)) / 2;
}

/** Next share, once a second, bytes/s. `ownBytesPerSecond` is what the rest of the machine sends. */
export function nextUpload(
  uploadBytesPerSecond: number,
  uplinkBytesPerSecond: number,
  ownBytesPerSecond: number,
  limits: UploadLimits,
): number {
  checkLimits(uplinkBytesPerSecond, limits);
  assert(ownBytesPerSecond >= 0, 'traffic is not negative');
  const floor = uplinkBytesPerSecond * limits.floorRatio;
  const ceiling = uplinkBytesPerSecond * limits.ceilingRatio;
  const free = headroomRatio * Math.max(0, uplinkBytesPerSecond - ownBytesPerSecond);
  if (uploadBytesPerSecond > free) {
    return Math.max(floor, Math.min(uploadBytesPerSecond * backOffRatio, free, ceiling));
  }
  const raised = uploadBytesPerSecond + uplinkBytesPerSecond * stepRatio;
  return Math.max(floor, Math.min(raised, free, ceiling));
}

/** Why the share went from one value to the next: position in `uploadReasons`. */
export function uploadReason(
  beforeBytesPerSecond: number,
  afterBytesPerSecond: number,
  uplinkBytesPerSecond: number,
  limits: UploadLimits,
): number {
  if (afterBytesPerSecond === uplinkBytesPerSecond * limits.floorRatio) return 3;
  if (afterBytesPerSecond === uplinkBytesPerSecond * limits.ceilingRatio) return 4;
  if (afterBytesPerSecond < beforeBytesPerSecond) return 2;
  return afterBytesPerSecond > beforeBytesPerSecond ? 1 : 5;
}

function checkLimits(uplinkBytesPerSecond: number, limits: UploadLimits): void {
  assert(uplinkBytesPerSecond >= 0, 'an uplink is not negative');
  assert(limits.floorRatio >= 0 && limits.floorRatio <= limits.ceilingRatio, 'the floor is below the ceiling');
  assert(limits.ceilingRatio <= 1, 'nobody gives more than the uplink');
}
