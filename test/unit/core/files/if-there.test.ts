import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ifThere, readIfThere } from '../../../../src/core/files/if-there.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

test('a missing file is undefined, and every other fault of the disk is an error', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'file');
  assert.equal(await ifThere(readFile(file, 'utf8')), undefined);
  assert.equal(await readIfThere(file), undefined);
  writeFileSync(file, 'text');
  assert.equal(await ifThere(readFile(file, 'utf8')), 'text');
  assert.equal(await readIfThere(file), 'text');
  mkdirSync(join(directory, 'place'));
  await assert.rejects(ifThere(readFile(join(directory, 'place'))), { code: 'EISDIR' });
  await assert.rejects(readIfThere(join(directory, 'place')), { code: 'unreadable-file' });
});
