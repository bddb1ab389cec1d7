import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { bravo, createEstate } from '../../support/fleet/estate.ts';

const directory = join(import.meta.dirname, '../../../docs/from');
const catalogue = agents.map(({ ddl }) => ddl);
const pages = readdirSync(directory).sort();

function blocksOf(page: string, kind: string): string[] {
  const text = readFileSync(join(directory, page), 'utf8');
  return [...text.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)]
    .filter(([, info]) => info === kind)
    .map(([, , body = '']) => body);
}

test('there is a page for each tool that people come from', () => {
  assert.deepEqual(pages, ['ansible.md', 'choria.md', 'kamal.md', 'mcollective.md']);
});

describe('the example of each page', () => {
  for (const page of pages) {
    test(`${page} runs and upgrades the cluster to the revision`, async () => {
      const [example, ...more] = blocksOf(page, 'yaml run');
      assert.ok(example !== undefined && more.length === 0);
      const playbook = await loadPlaybook({ text: example, name: page }, catalogue);
      const estate = createEstate({ releases: ['10', '20'] });
      const inputs = bindInputs(playbook, { cluster: 'bravo', revision: '20' });
      const report = await runPlaybook(playbook, inputs, estate.fabric.ports);
      assert.equal(report.state, 'done', JSON.stringify(report.failure));
      assert.deepEqual(
        bravo.map((name) => estate.revisions[name]),
        bravo.map(() => '20'),
      );
    });
  }

  const foreign: [string, RegExp][] = [
    ['ansible.md', /is an Ansible playbook, not a playbook of mco-deploy/],
    ['kamal.md', /is a Kamal deploy\.yml/],
    ['choria.md', /is a Choria playbook/],
  ];
  for (const [page, message] of foreign) {
    test(`a playbook in the form of ${page} is recognised, and the page is named`, async () => {
      const [text = ''] = blocksOf(page, 'yaml');
      const loading = loadPlaybook({ text, name: 'theirs.yaml' }, catalogue);
      await assert.rejects(loading, { code: 'bad-playbook', message, hint: new RegExp(`docs/from/${page}`) });
    });
  }
});
