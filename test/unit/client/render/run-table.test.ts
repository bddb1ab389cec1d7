import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRunTable } from '../../../../src/client/render/run/run-table.ts';
import { bindInputs } from '../../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../../src/playbook/run/start-context.ts';
import { createEstate, type EstateOptions } from '../../../support/fleet/estate.ts';
import { loadShipped } from '../../../support/fleet/shipped.ts';

async function tableOf(name: string, options: EstateOptions = {}, how: RunOptions = {}) {
  const estate = createEstate(options);
  const playbook = await loadShipped(name);
  const inputs = bindInputs(playbook, { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net' });
  const report = await runPlaybook(playbook, inputs, estate.fabric.ports, how);
  const table = startRunTable();
  for (const event of estate.fabric.events) table.see(event);
  return table.lines(report);
}

describe('the table at the end of a run', () => {
  test('has a line for each step that made calls, with nodes and time', async () => {
    const lines = await tableOf('app_cluster_upgrade');
    assert.match(lines[0] ?? '', /^step +state +done +failed +untouched +time$/);
    assert.ok(
      lines.some((line) => /^update +done +4 +0 +0 +\d\.\d\d s$/.test(line)),
      lines.join('\n'),
    );
    assert.ok(!lines.some((line) => /^(candidates|hosted|nothing_to_do|put_back)/.test(line)));
    assert.ok(!lines.some((line) => line.startsWith('left out')));
  });

  test('shows what failed, what was never changed or started, and what was left out of rotation', async () => {
    const troubles = [{ node: 'dev2.devco.net', call: 'appmgr.upgrade', kind: 'no-response' as const }];
    const lines = await tableOf('app_cluster_upgrade', { troubles });
    assert.ok(
      lines.some((line) => /^update +failed +1 +1 +2 /.test(line)),
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => /^check_load +not begun +0 +0 +0 /.test(line)));
    const left = ['dev2', 'dev4', 'dev6', 'dev8'].map((name) => `${name}.devco.net on lb1.devco.net`).join(', ');
    assert.equal(lines.at(-1), `left out of rotation: ${left}`);
  });

  test('adds up the rounds of a rolling step, and only counts servers that are still out', async () => {
    const troubles = [{ node: 'dev6.devco.net', call: 'appmgr.upgrade', kind: 'failed' as const }];
    const lines = await tableOf('app_rolling_upgrade', { troubles });
    assert.ok(
      lines.some((line) => /^upgrade\.update +failed +3 +1 +0 /.test(line)),
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => /^upgrade {2,}failed +\d\.\d\d s$/.test(line)));
    assert.ok(lines.some((line) => /^upgrade\.enable +done +1 +0 +0 /.test(line)));
    assert.equal(
      lines.at(-1),
      'left out of rotation: dev6.devco.net on lb1.devco.net, dev8.devco.net on lb1.devco.net',
    );
  });

  test('is omitted if nothing was changed or started', async () => {
    assert.deepEqual(await tableOf('app_cluster_upgrade', {}, { dryRun: true }), []);
    const silent = [{ name: 'dev2.devco.net', by: 'the cache' }];
    assert.deepEqual(await tableOf('app_cluster_upgrade', { silent }), []);
  });
});
