/**
 * Signed piece hashes on their way (relays sign them, control passes them on): the same message in both directions.
 * `held` says how many batches of each chain the sender holds, in the order of the assignment's appointments; whoever
 * reads that it lacks some sends them. A node says it when it takes the task and at each connection; from then on
 * control sends what comes.
 */
import * as Type from 'typebox';
import { count, identity, infoHash, list, object } from './fields.ts';

/** Relays of one file, and those that took their place. */
export const appointmentsMax = 256;
/** One batch: 512 hashes with their envelope; in base64 it fits into any message. */
export const batchBytesMax = 28_830;
/** Of one message, as bytes before base64; the one of a node stays below `messageBytesMax`. */
export const hashBytesFromNode = 32 * 1024;
export const hashBytesFromControl = 512 * 1024;
const batchesFromNode = 64;
export const batchesFromControl = 512;

const batch = () => Type.String({ pattern: '^[A-Za-z0-9+/]+={0,2}$', maxLength: Math.ceil(batchBytesMax / 3) * 4 });
const hashes = (batchesMax: number) =>
  object({
    kind: Type.Literal('hashes'),
    task: identity(),
    swarm: infoHash(),
    held: list(count(0xffff_ffff), appointmentsMax),
    batches: list(batch(), batchesMax),
  });

export const hashesFromNode = hashes(batchesFromNode);
export const hashesFromControl = hashes(batchesFromControl);
export type HashesFromNode = Type.Static<typeof hashesFromNode>;
export type HashesFromControl = Type.Static<typeof hashesFromControl>;
