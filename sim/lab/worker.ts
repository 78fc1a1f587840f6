/** One simulation in a thread of its own: a second one in the same thread runs 42–59 % slower. */
import { parentPort, workerData } from 'node:worker_threads';
import { answer } from './answer.ts';
import type { Job } from './execute.ts';

parentPort?.postMessage(answer(workerData as Job));
