import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import { readPlaybookFile } from '../../../src/playbook/source/reading.ts';
import { playbookSchema } from '../../../src/playbook/source/schema.ts';
import { stepKinds } from '../../../src/playbook/steps/index.ts';
import { shippedPlaybooks } from '../../../src/playbooks.ts';

const page = await readFile('docs/playbooks.md', 'utf8');

test('every example of docs/playbooks.md is a valid playbook', async () => {
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  assert.equal(examples.length, 5);
  const catalogue = agents.map(({ ddl }) => ddl);
  const read = (name: string) => readPlaybookFile(`playbooks/${name}.yaml`);
  for (const text of examples) await loadPlaybook({ text, name: 'docs/playbooks.md' }, catalogue, read);
});

test('docs/playbooks.md describes every kind of step, every key, and every shipped playbook', () => {
  const { definitions, properties } = playbookSchema;
  const [input, set] = [properties.inputs, properties.nodes].map((one) =>
    Object.keys(one.additionalProperties.properties),
  );
  const keys = [
    ...Object.keys(properties),
    ...Object.keys(definitions.step.properties),
    ...(input ?? []),
    ...(set ?? []),
  ];
  const words = [...stepKinds.map(({ key }) => key), ...keys, ...Object.keys(shippedPlaybooks)];
  const untold = words.filter((word) => !new RegExp(`\\b${word}\\b`).test(page));
  assert.deepEqual(untold, []);
});
