import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { playbookSchema } from '../../../src/playbook/source/schema.ts';

test('the published schema of playbooks is the one used for checking', async () => {
  const published: unknown = JSON.parse(await readFile('playbooks/playbook.schema.json', 'utf8'));
  assert.deepEqual(
    published,
    playbookSchema,
    'write it again: mco-deploy playbook schema > playbooks/playbook.schema.json',
  );
});
