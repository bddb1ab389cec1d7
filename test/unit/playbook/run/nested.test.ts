// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import { bindInputs } from '../../../../src/playbook/inputs/inputs.ts';
import { formatPlan } from '../../../../src/playbook/run/plan/plan.ts';
import type { RunPlan } from '../../../../src/playbook/run/plan/run-plan.ts';
import { runPlaybook } from '../../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../../src/playbook/run/start-context.ts';
import { bravo, createEstate } from '../../../support/fleet/estate.ts';
import { createFabric, type FabricNode, type FabricOptions } from '../../../support/fleet/fabric.ts';
import { labDdl, playbookText } from '../../../support/fleet/playbook.ts';
import { testProblem } from '../../../support/test-problem.ts';

const nodes: FabricNode[] = ['a', 'b'].map((name) => ({
  name,
  agents: ['thing'],
  facts: { cluster: name },
  actions: { 'thing.change': ({ to }) => ({ text: String(to) }) },
}));

const part = `name: part
inputs:
  to: {}
  of: {type: list, required: false}
  token: {sensitive: true, required: false}
nodes:
  own: {agents: [thing], facts: ["cluster=\${{ inputs.to }}"]}
steps:
  - {id: go, call: thing.change, on: own, with: {to: "\${{ inputs.to }}"}}
  - {id: handed, if: inputs.of != null, call: thing.look, on: "\${{ inputs.of }}"}
on_failure:
  - {id: mend, call: thing.look, on: own}
always:
  - {id: last, say: "last of \${{ inputs.to }}"}
`;

let directory = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-use-'));
  await write('part.yaml', part);
});

after(() => rm(directory, { recursive: true }));
const write = (name: string, text: string) => writeFile(join(directory, name), text);
const load = async (name: string) => loadPlaybook(join(directory, name), [labDdl]);

const run = async (text: string, options: FabricOptions = {}, given: object = {}, how: RunOptions = {}) => {
  await write('main.yaml', text);
  const fabric = createFabric(nodes, options);
  const playbook = await load('main.yaml');
  const report = await runPlaybook(playbook, bindInputs(playbook, { ...given }), fabric.ports, how);
  return { fabric, report };
};

describe('a playbook as a step of another', () => {
  test('has its own inputs, node sets and steps, under the name of the step', async () => {
    const { fabric, report } = await run(
      playbookText(
        '  - {id: one, use: part.yaml, with: {to: b, of: "${{ nodes.all.names }}"}}\n  - {id: two, call: thing.look, on: all}',
      ),
    );
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(
      fabric.calls.map(({ step, nodes: called }) => `${step}: ${called.join(' ')}`),
      ['one.go: b', 'one.handed: a b', 'two: a b'],
    );
    const said = fabric.events.flatMap((event) => (event.type === 'step-finished' ? event.report.lines : []));
    assert.ok(said.includes('last of b'));
  });

  test('has what it disabled proven before a later change of the outer one', async () => {
    await write(
      'away.yaml',
      `name: away
nodes: {balancers: {agents: [haproxy]}}
steps:
  - {id: out, call: haproxy.disable, on: balancers, with: {server: '${bravo.join(',')}'}}
`,
    );
    await write(
      'update.yaml',
      `name: update
nodes: {web: {agents: [appmgr], facts: ['cluster=bravo']}}
steps:
  - {id: away, use: away.yaml}
  - {id: update, call: appmgr.upgrade, on: web, with: {revision: '20'}}
`,
    );
    const { fabric } = createEstate();
    const playbook = await loadPlaybook(
      join(directory, 'update.yaml'),
      agents.map(({ ddl }) => ddl),
    );
    const report = await runPlaybook(playbook, bindInputs(playbook, {}), fabric.ports);
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(
      fabric.calls.map(({ step, action }) => `${step} ${action}`),
      ['away.out disable', 'update.proof status', 'update upgrade', 'update.proof status'],
    );
  });

  test('runs its own failure steps if it fails, stops dependent steps, and names the step that failed', async () => {
    const { fabric, report } = await run(
      playbookText('  - {id: one, use: ./part.yaml, with: {to: a}}\n  - {id: two, call: thing.look, on: all}'),
      { troubles: [{ node: 'a', call: 'thing.change', kind: 'failed' }] },
    );
    assert.equal(report.state, 'failed');
    assert.match(report.failure?.reasons[0]?.reason ?? '', /^one\.go: a is broken/);
    assert.deepEqual(
      fabric.calls.map(({ step }) => step),
      ['one.go', 'one.mend'],
    );
  });

  test('fails before its first step if it finds no node', async () => {
    const { fabric, report } = await run('name: m\nsteps:\n  - {id: one, use: part.yaml, with: {to: zz}}\n');
    assert.equal(report.failure?.reasons[0]?.code, 'empty-set');
    // The same command would find none either.
    assert.equal(report.next, 'to list the nodes: mco-deploy find -v');
    assert.deepEqual(fabric.calls, []);
  });

  test('is planned with its nodes if its inputs are known before the run, and without if they are not', async () => {
    const plan = async (text: string) => {
      await write('main.yaml', text);
      const fabric = createFabric(nodes);
      const shown: string[] = [];
      const agree = async (given: RunPlan) => {
        shown.push(...formatPlan(given));
        return false;
      };
      const report = await runPlaybook(await load('main.yaml'), { c: 'b' }, { ...fabric.ports, agree });
      assert.equal(report.state, 'interrupted');
      return shown;
    };
    const known = 'name: m\ninputs: {c: {}}\nsteps:\n  - {id: one, use: part.yaml, with: {to: "${{ inputs.c }}"}}\n';
    assert.deepEqual(await plan(known), [
      'nodes:',
      '  one.own: 1 node: b',
      'steps:',
      '  one: use part',
      '    go: thing#change on 1 node',
      '    handed: thing#look, if needed',
    ]);
    const later = playbookText(
      '  - {id: one, use: part.yaml, with: {to: "${{ nodes.all.names[0] }}"}}',
      'inputs: {c: {}}',
    );
    assert.deepEqual((await plan(later)).slice(0, 5), [
      'nodes:',
      '  all: 2 nodes: a, b',
      'steps:',
      '  one: use part',
      '    go: thing#change',
    ]);
  });

  test('can run once for each item of a list', async () => {
    const { fabric, report } = await run(
      'name: m\nsteps:\n  - id: each\n    for_each:\n      in: [a, b]\n      steps:\n        - {id: one, use: part.yaml, with: {to: "${{ item }}"}}\n',
    );
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(
      fabric.calls.map(({ step }) => step),
      ['each[1].one.go', 'each[2].one.go'],
    );
  });

  test('takes its own lease for the nodes that it finds', async () => {
    await write('main.yaml', 'name: m\nsteps:\n  - {id: one, use: part.yaml, with: {to: a}}\n');
    const fabric = createFabric(nodes);
    const leases: string[] = [];
    const ports = {
      ...fabric.ports,
      takeLease: async ({ name, nodes: held }: { name: string; nodes: readonly string[] }) => {
        leases.push(`${name} ${held.join(' ')}`);
      },
    };
    assert.equal((await runPlaybook(await load('main.yaml'), {}, ports)).state, 'done');
    assert.deepEqual(leases, ['part a']);
  });

  test('takes that lease before it reads anything from them', async () => {
    await write(
      'reads.yaml',
      'name: reads\nnodes: {own: {agents: [thing]}}\nsteps:\n  - {id: see, call: thing.look, on: own}\n  - {id: go, call: thing.blind, on: own}\n',
    );
    await write('main.yaml', 'name: m\nsteps:\n  - {id: one, use: reads.yaml}\n');
    const log: string[] = [];
    const fabric = createFabric(nodes, { onCall: ({ step }) => void log.push(step) });
    const takeLease = async ({ name }: { name: string }) => void log.push(`lease ${name}`);
    assert.equal((await runPlaybook(await load('main.yaml'), {}, { ...fabric.ports, takeLease })).state, 'done');
    assert.deepEqual(log, ['lease reads', 'one.see', 'one.go']);
  });

  test('keeps a secret that a node returned out of what the outer one records after it', async () => {
    await write(
      'reads.yaml',
      'name: reads\nnodes: {own: {agents: [thing]}}\nsteps:\n  - {id: see, call: thing.look, on: own}\n',
    );
    await write(
      'main.yaml',
      'name: m\nnodes: {all: {agents: [thing]}}\nsteps:\n  - {id: one, use: reads.yaml}\n  - {id: two, call: thing.blind, on: all}\n',
    );
    const leaky = {
      name: 'a',
      agents: ['thing'],
      actions: {
        'thing.look': () => ({ secret: 'hush' }),
        'thing.blind': () => {
          throw testProblem('broken', 'it does not like hush');
        },
      },
    };
    const fabric = createFabric([leaky]);
    const report = await runPlaybook(await load('main.yaml'), {}, fabric.ports);
    assert.equal(report.state, 'failed');
    const kept = fabric.journal.filter(({ type }) => ['outcome', 'step-finished', 'run-finished'].includes(type));
    assert.ok(kept.length >= 4);
    assert.doesNotMatch(JSON.stringify(fabric.journal), /hush/);
  });

  test('never receives a sensitive input that would then be shown', async () => {
    const text = (to: string) =>
      `name: m\ninputs: {secret: {sensitive: true}}\nsteps:\n  - {id: one, use: part.yaml, with: {to: a, ${to}: "\${{ inputs.secret }}"}}\n`;
    const open = await run(
      text('of').replace('of: "${{ inputs.secret }}"', 'of: ["${{ inputs.secret }}"]'),
      {},
      {
        secret: 'hush',
      },
    );
    assert.equal(open.report.failure?.reasons[0]?.code, 'bad-input');
    const kept = await run(text('token'), {}, { secret: 'hush' });
    assert.equal(kept.report.state, 'done');
    assert.doesNotMatch(JSON.stringify(kept.fabric.journal), /hush/);
  });
});

describe('an invalid use of another playbook', () => {
  const refused: [string, string, RegExp][] = [
    [
      'an unknown input',
      '  - {id: o, use: part.yaml, with: {to: a, tto: b}}',
      /main\.yaml:6:43: part has no input “tto”: did you mean “to”/,
    ],
    ['a missing input', '  - {id: o, use: part.yaml}', /main\.yaml:6:18: part needs the input “to”/],
    [
      'an input of another type',
      '  - {id: o, use: part.yaml, with: {to: [a]}}',
      /main\.yaml:6:40: the input “to” can’t be/,
    ],
    [
      'a file that is not there',
      '  - {id: o, use: prat.yaml}',
      /main\.yaml:6:18: the playbook .*prat\.yaml cannot be read/,
    ],
    ['a playbook that is wrong itself', '  - {id: o, use: wrong.yaml}', /wrong\.yaml:3:12: there is no agent “thin”/],
    ['a circle', '  - {id: o, use: circle.yaml}', /circle\.yaml:3:11: the playbooks use each other in a circle/],
  ];

  for (const [what, steps, message] of refused) {
    test(`is refused before the run for ${what}`, async () => {
      await write('main.yaml', playbookText(steps));
      await write('wrong.yaml', 'name: w\nsteps:\n  - {call: thin.look, on: all}\n');
      await write('circle.yaml', 'name: c\nsteps:\n  - {use: main.yaml}\n');
      await assert.rejects(load('main.yaml'), { code: 'bad-playbook', message });
    });
  }

  test('is refused if playbooks use each other endlessly', async () => {
    for (const depth of [0, 1, 2, 3, 4, 5, 6]) {
      await write(`deep${depth}.yaml`, `name: d\nsteps:\n  - {use: deep${depth + 1}.yaml}\n`);
    }
    await assert.rejects(load('deep0.yaml'), { code: 'bad-playbook', message: /deeper than 5 levels/ });
  });
});
