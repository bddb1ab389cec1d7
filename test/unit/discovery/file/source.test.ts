import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { fileSource } from '../../../../src/discovery/file/source.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const filter = { ...noFilter };

test('a list of nodes in a file that names none is not a fleet that is silent', async () => {
  const file = join(temporaryDirectory(), 'nodes');
  const read = () => Array.fromAsync(fileSource(file).discover(filter, AbortSignal.timeout(60_000)));
  for (const text of ['', '\n# none yet\n', '[]', 'nodes: []\n']) {
    writeFileSync(file, text);
    await assert.rejects(read(), { code: 'empty-source', message: `the list of nodes ${file} names no node` });
  }
  writeFileSync(file, 'dev1\n');
  assert.deepEqual(
    (await read()).map(({ name }) => name),
    ['dev1'],
  );
});
