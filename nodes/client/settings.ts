/** What an operator sets for a client, checked. */
import type { Policy } from '#core/policy.ts';
import type { Pace } from '../http/pace.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import type { DownloadSummary } from './download.ts';
import type { NetworkCheck } from './network-check.ts';

export interface ClientSettings {
  directory: string;
  /** Where decisions are written; undefined = nowhere. */
  recordDirectory: string | undefined;
  policy: Policy;
  priorityPieces: [number, number][];
  uploadBytesPerSecond: number;
  downlinkBytesPerSecond: number;
  /** Of the machine, not of what peers may have. */
  uplinkBytesPerSecond: number;
  expectedMilliseconds: number;
  network: 'wired' | 'mobile' | 'unknown';
  isBlocked: boolean;
}

/** What all tasks of a client under control have in common. */
export interface ClientNode {
  directory: string;
  recordDirectory: string | undefined;
  listener: PeerListener;
  uploadPace: Pace;
  downlinkBytesPerSecond: number;
  uplinkBytesPerSecond: number;
  network: 'wired' | 'mobile' | 'unknown';
  isBlocked: boolean;
  /** What relays said of this machine's network; undefined until one was asked. */
  check: NetworkCheck | undefined;
  /** Program that is run with the path of each file that is whole. */
  hook: string | undefined;
  onComplete(path: string, summary: DownloadSummary): void;
  onLog(text: string, detail: object): void;
}
