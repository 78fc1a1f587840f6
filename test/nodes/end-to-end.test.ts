// test-time-limit: 240s
/** Origin, control, relay and three clients as processes: the script of the operator's door, as it stands. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const script = fileURLToPath(new URL('../../scripts/loopback.sh', import.meta.url));
const endToEnd = suite('nodes: end to end');

endToEnd('50 MiB reach three clients; the file leaves the origin once', () => {
  const { status, stdout, stderr } = spawnSync(script, ['50M'], { encoding: 'utf8', timeout: 220_000 });
  const says = `${stdout}\n${stderr}`;
  assert.is(status, 0, says);
  assert.match(stdout, /everyone has 52428800 bytes, equal to the origin's\n$/, says);
  assert.match(stdout, /clients {3}3: 3 complete/, says);
  assert.match(stdout, /relays {4}1, pulled 52\.4 MB from the origin/, says);
});

endToEnd.run();
