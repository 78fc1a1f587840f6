/** What an operator sets for a client, checked. */
import type { Policy } from '#core/policy.ts';
import type { Pace } from '../http/pace.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import type { DownloadSummary } from './download.ts';

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
  /** Peers tell each other of peers. */
  exchangesPeers: boolean;
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
  exchangesPeers: boolean;
  /** Base URLs of relays that a task names: they see how this machine stands in the network. */
  onRelays(urls: string[]): void;
  /** Program that is run with the path of each file that is whole. */
  hook: string | undefined;
  onComplete(path: string, summary: DownloadSummary): void;
  onLog(text: string, detail: object): void;
}
