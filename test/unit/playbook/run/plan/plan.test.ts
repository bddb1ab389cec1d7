// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appmgrDdl } from '../../../../../src/agents/appmgr/ddl.ts';
import { loadPlaybook } from '../../../../../src/playbook/compile/load.ts';
import { formatPlan } from '../../../../../src/playbook/run/plan/plan.ts';
import type { PlannedStep, RunPlan } from '../../../../../src/playbook/run/plan/run-plan.ts';
import { runPlaybook } from '../../../../../src/playbook/run/run-playbook.ts';
import { createFabric } from '../../../../support/fleet/fabric.ts';
import { labDdl, playbookText, runText } from '../../../../support/fleet/playbook.ts';

const empty: RunPlan = { sets: [], changes: [], serving: [], steps: [] };
const planned = (fields: Partial<PlannedStep> = {}): PlannedStep => ({
  ...{ id: 'go', name: 'go', title: 'thing#change', nodes: ['a', 'b'], batch: '', conditional: false, within: [] },
  ...fields,
});

describe('a plan as lines', () => {
  test('lists the nodes of each set, twenty of them at most', () => {
    const names = (number: number) => Array.from({ length: number }, (_, at) => `n${at + 1}`);
    const lineOf = (number: number) => formatPlan({ ...empty, sets: [{ name: 'all', nodes: names(number) }] });
    assert.deepEqual(lineOf(1), ['nodes:', '  all: 1 node: n1', 'steps:']);
    assert.deepEqual(lineOf(20)[1], `  all: 20 nodes: ${names(20).join(', ')}`);
    assert.deepEqual(lineOf(21)[1], `  all: 21 nodes: ${names(20).join(', ')} and 1 more`);
    assert.deepEqual(formatPlan(empty), ['nodes:', '  none are known yet', 'steps:']);
  });

  test('lists instead the releases that the nodes get, if these are known', () => {
    const changes = [
      { node: 'a', before: '10', after: '20' },
      { node: 'b', before: '20', after: '20' },
      { node: 'c', before: '', after: '20' },
    ];
    const lines = formatPlan({ ...empty, sets: [{ name: 'all', nodes: ['a'] }], changes });
    assert.deepEqual(lines, ['  a: 10 → 20', '  b: stays at 20', '  c: ? → 20', 'steps:']);
  });

  test('lists what load balancers still send requests to', () => {
    const serving = [{ server: 'dev2', lines: ['static/dev2'], balancer: 'lb1' }];
    assert.deepEqual(formatPlan({ ...empty, serving })[2], '  dev2 is still serving in static/dev2 on lb1');
  });

  test('has a line for each step, with those inside it below', () => {
    const inner = planned({ name: 'inner', title: 'thing#look', nodes: undefined });
    const steps = [
      planned(),
      planned({ name: 'the change', nodes: ['a'], batch: '1,50%', conditional: true }),
      planned({ name: 'roll', title: 'rolling', nodes: [], within: [inner] }),
    ];
    assert.deepEqual(formatPlan({ ...empty, steps }).slice(2), [
      'steps:',
      '  go: thing#change on 2 nodes',
      '  the change: thing#change on 1 node, 1,50% at a time, if needed',
      '  roll: rolling on 0 nodes',
      '    inner: thing#look',
    ]);
  });
});

/** The plan that is shown before the first change. */
async function planOf(text: string): Promise<{ plan: RunPlan; asked: number }> {
  const nodes = ['b', 'a'].map((name) => ({
    ...{ name, agents: ['thing', 'appmgr'] },
    actions: { 'appmgr.status': () => ({ application: 'app', revision: name === 'a' ? '10' : '', releases: [] }) },
  }));
  const fabric = createFabric(nodes);
  const shown: RunPlan[] = [];
  const agree = async (plan: RunPlan) => shown.push(plan) > 0;
  const playbook = await loadPlaybook({ text, name: 'test.yaml' }, [labDdl, appmgrDdl]);
  const report = await runPlaybook(playbook, {}, { ...fabric.ports, agree });
  assert.deepEqual([report.state, report.failure], ['done', undefined]);
  return { plan: shown[0] ?? empty, asked: shown.length };
}

describe('the plan before the first change', () => {
  test('has the steps that remain, without those that only compute, and those for every end', async () => {
    const { plan, asked } = await planOf(
      playbookText(
        `  - {id: look, call: thing.look, on: all}
  - {id: told, say: hello}
  - {id: go, name: the change, call: thing.change, on: all, batch: [1, "50%"], with: {to: x}}
  - {id: maybe, if: "true", call: thing.blind, on: "\${{ nodes.all.names }}"}
  - {id: roll, rolling: {over: all, batch: 1, steps: [{id: in, call: thing.blind, on: "\${{ batch.names }}"}]}}`,
        `always:
  - {id: last, call: thing.look, on: all}
on_failure:
  - {id: mend, call: thing.blind, on: all}`,
      ),
    );
    assert.equal(asked, 1);
    assert.deepEqual(plan.sets, [{ name: 'all', nodes: ['a', 'b'] }]);
    assert.deepEqual(formatPlan(plan).slice(2), [
      'steps:',
      '  the change: thing#change on 2 nodes, 1,50% at a time',
      '  maybe: thing#blind on 2 nodes, if needed',
      '  roll: rolling on 2 nodes, 1 at a time',
      '    in: thing#blind',
      '  last: thing#look on 2 nodes',
    ]);
  });

  test('has the release of each node now and afterwards, as far as a step before has read it', async () => {
    const upgrade = (more: string) => `  - {id: up, call: appmgr.upgrade, on: all, with: {revision: '20'${more}}}`;
    const first = '  - {id: now, call: appmgr.status, on: all}\n';
    assert.deepEqual((await planOf(playbookText(first + upgrade('')))).plan.changes, [
      { node: 'a', before: '10', after: '20' },
      { node: 'b', before: '', after: '20' },
    ]);
    assert.deepEqual((await planOf(playbookText(`${first}  - {id: go, call: thing.blind, on: all}`))).plan.changes, []);
  });
});

describe('the agreement to a plan', () => {
  const text = playbookText('  - {id: go, call: thing.blind, on: all}');

  test('begins the time of the run', async () => {
    for (const [agrees, elapsed] of [
      [true, 1],
      [undefined, 61],
    ] as const) {
      const fabric = createFabric([{ name: 'a', agents: ['thing'] }]);
      let now = 0;
      const call: typeof fabric.ports.call = async (...given) => {
        now += 1;
        return await fabric.ports.call(...given);
      };
      const discover: typeof fabric.ports.discover = async (...given) => {
        now += 60;
        return await fabric.ports.discover(...given);
      };
      const ports = { ...fabric.ports, clock: () => now, call, discover };
      const agree = async () => agrees === true;
      const report = await runText(text, { ...fabric, ports: agrees === undefined ? ports : { ...ports, agree } });
      assert.deepEqual([report.state, report.elapsed], ['done', elapsed]);
    }
  });

  test('that is denied ends the run with the name of the operator, and without a command to resume it', async () => {
    const fabric = createFabric([{ name: 'a', agents: ['thing'] }]);
    const report = await runText(text, { ...fabric, ports: { ...fabric.ports, agree: async () => false } });
    assert.deepEqual(
      [report.state, report.failure?.reasons.map(({ code, reason }) => [code, reason]), fabric.calls],
      ['interrupted', [['not-agreed', 'rip did not agree']], []],
    );
    assert.equal(report.next, 'to try again: type the same command');
  });
});
