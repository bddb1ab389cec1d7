import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdsToken } from '../../../../src/daemon/metrics/token.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const file = join(temporaryDirectory(), 'token');

test('only the token of the file admits to the metrics, as it is now', async () => {
  writeFileSync(file, ' s3cret \n');
  for (const header of ['Bearer s3cret', 'bearer  s3cret ']) assert.ok(await holdsToken(header, file), header);
  const others = [
    '',
    's3cret',
    'Bearer',
    'Bearer ',
    'Bearer s3cre',
    'Bearer s3crets',
    'Bearer s3cret x',
    'Basic s3cret',
  ];
  for (const header of [undefined, ...others]) assert.equal(await holdsToken(header, file), false, header);
  writeFileSync(file, 'another');
  assert.deepEqual([await holdsToken('Bearer s3cret', file), await holdsToken('Bearer another', file)], [false, true]);
});

test('nobody is admitted without a token in the file, not even with an empty one', async () => {
  for (const text of ['', ' \n']) {
    writeFileSync(file, text);
    for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Bearer x']) {
      assert.equal(await holdsToken(header, file), false, `${header}`);
    }
  }
  rmSync(file);
  assert.equal(await holdsToken('Bearer s3cret', file), false);
});
