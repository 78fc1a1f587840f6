/** What an operator sets for a client, checked. */
import type { Policy } from '#core/policy.ts';

export interface ClientSettings {
  directory: string;
  /** Where decisions are written; undefined = nowhere. */
  recordDirectory: string | undefined;
  policy: Policy;
  priorityPieces: [number, number][];
  uploadBytesPerSecond: number;
  downlinkBytesPerSecond: number;
  expectedMilliseconds: number;
  network: 'wired' | 'mobile' | 'unknown';
  isBlocked: boolean;
}
