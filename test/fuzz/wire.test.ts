/** A short run of the fuzzer finds nothing, and what is planted is found, with the seed that repeats it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';

const test = suite('fuzz/wire');
const fuzzer = fileURLToPath(new URL('wire.ts', import.meta.url));
const seed = process.env.SLUICE_SEED ?? '1';

function fuzz(...given: string[]): { status: number | null; says: string } {
  const options = ['--disable-warning=ExperimentalWarning', fuzzer, ...given];
  const { status, stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 50_000 });
  return { status, says: stdout + stderr };
}

test('hostile bytes at every entrance: no crash, no hang, memory bounded', () => {
  const { status, says } = fuzz('--minutes', '0.08', '--seed', seed);
  is(status, 0, says);
  match(says, /\n0 faults\n$/);
  ok(Number(/(\d+) cases/.exec(says)?.[1]) > 200, says);
});

for (const [plant, what] of [
  ['loop', /fault at "bencode", seed (\d+): (it hangs|the process holds|.*memory)/i],
  ['throw', /fault at ".+", seed (\d+): Error: planted/],
  ['leak', /fault at "all", seed (\d+): memory has grown from/],
] as const) {
  test(`planted and found: ${plant}`, () => {
    const only = plant === 'loop' ? ['--only', 'bencode'] : plant === 'leak' ? ['--only', 'e'] : [];
    const { status, says } = fuzz('--minutes', '0.5', '--plant', plant, ...only);
    is(status, 4, says);
    match(says, what);
    if (plant !== 'throw') return;
    const [, found] = what.exec(says)!;
    const again = fuzz('--cases', '1', '--seed', found!, '--plant', plant, ...only);
    is(again.status, 4, again.says);
    match(again.says, new RegExp(`seed ${found}: `));
  });
}

test.run();
