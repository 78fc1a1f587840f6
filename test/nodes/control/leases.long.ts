// test-time-limit: 300s
import { suite } from 'uvu';
import { leaseWorld } from './lease-world.ts';

const leases = suite('control: leases of many');

leases('50 clients over kills and an orderly restart', async () => {
  const says = await leaseWorld({
    clients: 50,
    connections: 10,
    bytesPerSecond: 5_000_000,
    burstBytes: 2_000_000,
    course: [
      { afterSeconds: 15, signal: 'SIGKILL' },
      { afterSeconds: 10, signal: 'SIGKILL' },
      { afterSeconds: 10, signal: 'SIGTERM' },
    ],
    lastSeconds: 20,
  });
  console.log(says);
});

leases.run();
