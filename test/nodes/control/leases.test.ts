// test-time-limit: 180s
/** The origin's contract on real sockets, while control is killed and restarted (M27–M31, X3). */
import { suite } from 'uvu';
import { leaseWorld } from './lease-world.ts';

const leases = suite('control: leases');

leases('12 clients, 5 connections, 2 MB/s: no more than that at any time, over two kills of control', async () => {
  const says = await leaseWorld({
    clients: 12,
    connections: 5,
    bytesPerSecond: 2_000_000,
    burstBytes: 1_000_000,
    course: [
      { afterSeconds: 4, signal: 'SIGKILL' },
      { afterSeconds: 3, signal: 'SIGKILL' },
    ],
    lastSeconds: 5,
  });
  console.log(says);
});

leases.run();
