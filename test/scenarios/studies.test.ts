/** The bundled studies can be read, with their scenarios, knobs, objectives and expectations. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadStudy } from '#scenarios/format/study.ts';
import { policies } from '#sim/policies/catalogue.ts';

const directory = fileURLToPath(new URL('../../scenarios/studies', import.meta.url));
const bundled = suite('bundled studies');

for (const name of readdirSync(directory)) {
  bundled(`${name} can be read`, () => {
    const file = join(directory, name);
    const study = loadStudy(readFileSync(file, 'utf8'), { file, policies });
    assert.is(study.name, basename(name, '.yaml'));
    assert.ok(study.description.length > 20);
    assert.ok(study.replications >= 10);
  });
}

bundled.run();
