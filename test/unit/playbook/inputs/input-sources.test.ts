import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bindAllInputs } from '../../../../src/playbook/inputs/input-sources.ts';
import type { InputSource } from '../../../../src/playbook/source/schema.ts';

describe('an input from another source', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-inputs-'));
  });
  after(() => rm(directory, { recursive: true }));

  const bind = (input: InputSource, given: object = {}, env: Record<string, string> = {}, defaults: object = {}) => {
    const playbook = { name: 'p', file: join(directory, 'p.yaml'), inputs: { x: input } };
    return bindAllInputs(playbook, { ...given }, { env, defaults: { ...defaults } }).then(({ x }) => x);
  };

  test('is converted to its type, like a given one', async () => {
    assert.equal(await bind({ type: 'integer', from: { env: 'N' } }, {}, { N: '7' }), 7);
    assert.deepEqual(await bind({ type: 'list', from: { env: 'N' } }, {}, { N: 'a,b' }), ['a', 'b']);
    await assert.rejects(bind({ type: 'integer', from: { env: 'N' } }, {}, { N: 'seven' }), { code: 'bad-input' });
    await assert.rejects(bind({ enum: ['on'], from: { env: 'N' } }, {}, { N: 'off' }), { code: 'bad-input' });
  });

  test('comes after given inputs, and before the configured one and the default', async () => {
    const input = { from: { env: 'N' }, default: 'default' };
    assert.equal(await bind(input, { x: 'given' }, { N: 'env' }, { x: 'configured' }), 'given');
    assert.equal(await bind(input, {}, { N: 'env' }, { x: 'configured' }), 'env');
    assert.equal(await bind(input, {}, {}, { x: 'configured' }), 'configured');
    assert.equal(await bind(input), 'default');
    assert.equal(await bind(input, {}, { toString: 'x' }), 'default');
  });

  test('is the file without its last line break; a missing file falls through to the others', async () => {
    await writeFile(join(directory, 'key'), 'one\ntwo\n');
    assert.equal(await bind({ from: { file: 'key' } }), 'one\ntwo');
    assert.equal(await bind({ from: { file: 'none' }, required: false }), null);
    await assert.rejects(bind({ from: { file: 'none' } }), {
      code: 'bad-input',
      hint: /give x=…, or write it to none/,
    });
  });

  test('is refused from a source that cannot be read, or has no end', async () => {
    await assert.rejects(bind({ from: { file: '.' } }), { code: 'bad-input', message: /it is a directory/ });
    await assert.rejects(bind({ from: { file: '/dev/zero' } }), { code: 'bad-input', message: /larger than 65536/ });
  });

  test('is never repeated in a message if it is sensitive', async () => {
    const input = { sensitive: true, pattern: '[a-z]+', from: { env: 'KEY' } };
    await assert.rejects(bind(input, {}, { KEY: 'Hush!' }), (error: Error & { hint: string }) => {
      assert.doesNotMatch(error.message + error.hint, /Hush/);
      return true;
    });
  });
});
