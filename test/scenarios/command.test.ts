import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CommandOptions, listCommand, schemaCommand, validateCommand } from '#scenarios/format/command.ts';
import { policies } from '#sim/policies/catalogue.ts';

const command = suite('scenario command');

const options: CommandOptions = { policies, json: false };
const good = `
version: 1
name: good
description: two machines
file: { size: 1MB }
origin: { uplink: 1Gbps }
clients: [{ name: a, count: 2, uplink: 1Mbps, downlink: 1Mbps }]
policy: p2p
`;

function inDirectory(work: (good: string, bad: string, directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-command-'));
  try {
    const [goodFile, badFile] = [join(directory, 'good.yaml'), join(directory, 'not-good.yaml')];
    writeFileSync(goodFile, good);
    writeFileSync(badFile, good.replace('p2p', 'p2'));
    work(goodFile, badFile, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

command('validate', () => {
  inDirectory((goodFile, badFile) => {
    const both = validateCommand([goodFile, badFile], options);
    assert.is(both.exitCode, 3);
    assert.is(both.output, `${goodFile}: valid (2 clients, 1 MB, p2p)\n`);
    const [warning, error, ...more] = both.talk.trim().split('\n');
    assert.is(
      warning,
      `warning: ${goodFile}:5:7: file.pieceLength: a piece (4.19 MB) is longer than the file: it has one piece`,
    );
    assert.ok(error!.startsWith(`${badFile}:8:9: policy: unknown policy "p2": allowed are http-origin, `), error);
    assert.equal(more, []);
    assert.is(validateCommand([goodFile], options).exitCode, 0);
    assert.is(validateCommand([`${goodFile}x`], options).talk, `${goodFile}x: no such file\n`);
  });
});

command('validate --json', () => {
  inDirectory((goodFile, badFile) => {
    const { output, talk, exitCode } = validateCommand([goodFile, badFile], { ...options, json: true });
    const [first, second] = JSON.parse(output);
    assert.is(talk, '');
    assert.is(exitCode, 3);
    assert.equal([first.valid, first.name, first.clients, first.bytes, first.policy], [true, 'good', 2, 1e6, 'p2p']);
    assert.equal([second.valid, second.file], [false, badFile]);
    assert.match(second.error, /unknown policy "p2"/);
  });
});

command('list', () => {
  inDirectory((goodFile, badFile, directory) => {
    const lines = listCommand(options, directory).output.trim().split('\n');
    assert.is(lines[0], `${relative('', goodFile)}      2 clients, 1 MB, p2p. two machines`);
    assert.ok(lines[1]!.startsWith(`${relative('', badFile)}  invalid: `));
    assert.is(JSON.parse(listCommand({ ...options, json: true }, directory).output).length, 2);
  });
});

command('what comes with sluice is listed without a mistake', () => {
  for (const { file, error } of JSON.parse(listCommand({ ...options, json: true }).output)) {
    assert.is(error, undefined, `${file}: ${error}`);
  }
});

command('schema', () => {
  const schema = JSON.parse(schemaCommand().output);
  assert.is(schema.$schema, 'http://json-schema.org/draft-07/schema#');
  assert.is(schema.additionalProperties, false);
  assert.not.match(schemaCommand().output, /"(quantity|endless|shorthand|noun)":/);
});

command.run();
