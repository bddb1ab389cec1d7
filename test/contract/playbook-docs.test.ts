import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { agents } from '../../src/agents/index.ts';
import { loadPlaybook } from '../../src/playbook/load.ts';
import { stepKinds } from '../../src/playbook/steps/index.ts';

test('every example of docs/playbooks.md is a right playbook, and every kind of step is told of', async () => {
  const page = await readFile('docs/playbooks.md', 'utf8');
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  assert.equal(examples.length, 3);
  const catalogue = agents.map(({ ddl }) => ddl);
  for (const text of examples) await loadPlaybook({ text, name: 'docs/playbooks.md' }, catalogue);
  for (const { key } of stepKinds) assert.match(page, new RegExp(`${key}\\b`));
});
