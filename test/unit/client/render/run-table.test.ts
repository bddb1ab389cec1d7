import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRunTable } from '../../../../src/client/render/run/run-table.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import type { StepReport } from '../../../../src/playbook/events/events.ts';
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
    assert.ok(lines.some((line) => /^check_load +not started +0 +0 +0 /.test(line)));
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

  /** A table that sees a step end with the reply of one load balancer, once or several times. */
  function startSteps() {
    const table = startRunTable();
    const end = (
      step: string,
      action: string,
      replies: readonly { outcome?: string; data: JsonObject }[],
      more: Partial<StepReport> = {},
    ) => {
      const title = `haproxy#${action}`;
      table.see({ type: 'step-planned', step, label: step, title, dryRun: false, batches: [] });
      for (const { outcome = 'ok', data } of replies) {
        const rest = { try: 1, code: '', message: '', elapsed: 1, dryRun: false };
        table.see({ type: 'outcome', step, title, node: 'lb1', outcome, data, ...rest });
      }
      const report = { id: step, kind: 'call', state: 'done', ok: ['lb1'], failed: [], untouched: [], elapsed: 1000 };
      table.see({ type: 'step-finished', label: step, report: { ...report, dryRun: false, ...more } as never });
    };
    const lines = (failure?: object) =>
      table.lines({ state: 'done', steps: [], dryRun: false, ...(failure && { failure }) } as never);
    return { end, lines, left: () => lines().at(-1) };
  }

  test('has a server left out until the load balancer has it in again, by a call that ended well and was real', () => {
    const { end, left } = startSteps();
    end('out', 'disable', [{ data: { changed: ['web1'], unchanged: ['web2'] } }]);
    assert.equal(left(), 'left out of rotation: web1 on lb1, web2 on lb1');
    end('failed', 'enable', [{ outcome: 'failed', data: { changed: ['web1'], unchanged: [] } }]);
    end('planned', 'enable', [{ data: { changed: ['web1', 'web2'], unchanged: [] } }], { dryRun: true });
    end('planned_out', 'disable', [{ data: { changed: ['web3'] } }], { dryRun: true });
    assert.equal(left(), 'left out of rotation: web1 on lb1, web2 on lb1');
    end('in', 'enable', [{ data: { changed: ['web1'], unchanged: ['web2'] } }]);
    end('out', 'disable', []);
    assert.doesNotMatch(left() ?? '', /left out/);
  });

  test('counts nodes that failed, not the failure of a step as a whole', () => {
    const { end, lines } = startSteps();
    const failed = ['', 'lb1', 'lb2'].map((node) => ({ node, code: 'failed', reason: 'it broke' }));
    end('out', 'disable', [], { state: 'failed', ok: [], failed });
    assert.match(lines()[1] ?? '', /^out +failed +0 +2 +0 +1\.00 s$/);
  });

  test('is omitted if the run failed before its first step', () => {
    const { end, lines } = startSteps();
    end('out', 'disable', []);
    assert.deepEqual(lines({ step: '', reasons: [] }), []);
    assert.equal(lines({ step: 'out', reasons: [] }).length, 2);
  });
});
