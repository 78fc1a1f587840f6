// test-time-limit: 3000s
/** Every planted defect is noticed (`npm run mutate:quota` shows by what). */
import { suite } from 'uvu';
import { equal, ok } from 'uvu/assert';
import { defects } from './defects.ts';
import { mutate } from './mutate.ts';

const test = suite('quota/mutate');

test('each planted defect is caught', () => {
  ok(defects.length >= 12);
  const caught = mutate(defects, (line) => console.log(line));
  equal(
    caught.filter(({ by }) => by === undefined).map(({ defect }) => defect.name),
    [],
  );
});

test.run();
