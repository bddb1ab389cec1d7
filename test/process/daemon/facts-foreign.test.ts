import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { startNodeTruth } from '../../../src/daemon/facts/node-truth.ts';
import { silentLog, temporaryDirectory } from '../../support/agents/agent-setup.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/facts');

/** Reads files as Ruby does; what JSON has no word for is shown as text. */
const readByRuby = `
require 'yaml'; require 'json'; require 'ostruct'; require 'date'
module ActiveSupport; class HashWithIndifferentAccess < Hash; end; end
def plain(value)
  case value
  when Hash then value.to_h { |key, one| [key.to_s, plain(one)] }
  when Array then value.map { |one| plain(one) }
  when OpenStruct then plain(value.to_h)
  when Regexp then value.inspect
  when Symbol then value.to_s
  when String then value.encoding == Encoding::BINARY && !value.ascii_only? ? [value].pack('m0') : value
  when Integer then value.abs < 2**53 ? value : value.to_s
  else value
  end
end
puts JSON.generate(ARGV.to_h { |file| [File.basename(file), plain(YAML.unsafe_load_file(file))] })
`;

/** Fact files as Puppet, Facter and people leave them. */
describe('facts that JSON cannot express', () => {
  let directory: string;
  beforeEach(async () => {
    directory = join(temporaryDirectory(), 'facts.d');
    await mkdir(directory);
  });
  const start = () =>
    startNodeTruth({ directory, files: [], classes: join(directory, 'classes.txt') }, runCommand, silentLog);
  const write = (name: string, text: string) => writeFile(join(directory, name), text);

  test('are read as Ruby reads them, and the other facts of the file stay', async () => {
    const files = (await readdir(fixtures)).map((name) => join(fixtures, name));
    const byRuby = JSON.parse(execFileSync('ruby', ['-e', readByRuby, ...files], { encoding: 'utf8' }));
    for (const file of files) {
      await copyFile(file, join(directory, 'site.yaml'));
      const { written, warnings, incomplete } = await start();
      assert.deepEqual(written(), byRuby[basename(file)], basename(file));
      assert.deepEqual([warnings(), incomplete()], [[], []], basename(file));
    }
  });

  const kept: [string, string, string, Record<string, unknown>][] = [
    [
      'a JSON number beyond 2^53',
      'a.json',
      '{"cluster":"b","size":9223372036853727232}',
      { size: '9223372036853727232' },
    ],
    ['a JSON number without end', 'a.json', '{"cluster":"b","huge":1e999}', { huge: '1e999' }],
    ['infinity', 'a.yaml', 'cluster: b\nmost: .inf\n', { most: '.inf' }],
    ['a date', 'a.yaml', 'cluster: b\nbuilt: 2013-02-04\n', { built: '2013-02-04' }],
    ['a key twice: the last counts', 'a.yaml', 'cluster: b\nrack: 1\nrack: 2\n', { rack: 2 }],
    ['a key that is a number', 'a.yaml', 'cluster: b\n8080: open\n', { 8080: 'open' }],
    ['text in base64', 'a.yaml', 'cluster: b\nnote: !binary aGVsbG8=\n', { note: 'hello' }],
    ['a tag of a site’s own', 'a.yaml', 'cluster: b\nsecret: !vault abc\n', { secret: 'abc' }],
  ];
  for (const [what, name, text, expected] of kept) {
    test(`keep ${what}`, async () => {
      await write(name, text);
      const { written, warnings, incomplete } = await start();
      assert.deepEqual(written(), { cluster: 'b', ...expected });
      assert.deepEqual([warnings(), incomplete()], [[], []]);
    });
  }

  const left: [string, string, string][] = [
    ['a key that is a list', 'cluster: b\ndisks:\n  ? [a, b]\n  : 1\n', 'disks.?'],
    ['a reserved name', 'cluster: b\nx:\n  constructor: 1\n', 'x.constructor'],
    ['what is nested too deep', `cluster: b\nx: ${'['.repeat(40)}${']'.repeat(40)}\n`, `x${'.0'.repeat(28)}`],
    ['what contains itself', 'cluster: b\nx: &x\n  y: *x\n', `x${'.y'.repeat(64)}`],
  ];
  for (const [what, text, key] of left) {
    test(`lose only ${what} , and it is named`, async () => {
      await write('a.yaml', text);
      const { written, warnings, incomplete } = await start();
      assert.equal(written().cluster, 'b');
      assert.ok(
        warnings().some((warning) => warning.includes(`“${key}”`)),
        warnings().join('\n'),
      );
      assert.deepEqual(incomplete(), [key.split('.')[0]]);
    });
  }

  test('keep the last good values of a file beyond 4 MiB', async () => {
    await write('site.yaml', `cluster: bravo\nnote: ${'x'.repeat(3 << 20)}\n`);
    const { written, warnings, incomplete, reload } = await start();
    assert.deepEqual([written().cluster, warnings()], ['bravo', []]);
    await write('site.yaml', `cluster: alfa\nnote: ${'x'.repeat(5 << 20)}\n`);
    await reload();
    assert.equal(written().cluster, 'bravo');
    assert.match(warnings().join(), /site\.yaml refused, the last good ones stay: it is larger than \d+ bytes/);
    assert.deepEqual(incomplete(), []);
    await rm(join(directory, 'site.yaml'));
    await reload();
    assert.equal(written().cluster, undefined);
  });

  test('are known to be incomplete if a source was never read', async () => {
    await write('site.yaml', 'cluster: [bravo\n');
    const { incomplete } = await start();
    assert.deepEqual(incomplete(), ['*']);
  });
});
