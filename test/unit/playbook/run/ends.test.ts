// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { load, playbookText, runText } from '../../../support/fleet/playbook.ts';

const nodes: FabricNode[] = ['a', 'b'].map((name) => ({ name, agents: ['thing'] }));
const always = 'always:\n  - {id: last, call: thing.look, on: all}\n  - {say: "it was ${{ failure.step }}"}';

describe('`always` steps', () => {
  const go = '  - {id: go, call: thing.blind, on: all}';

  test('run after a successful run', async () => {
    const fabric = createFabric(nodes);
    const report = await runText(playbookText(go, always), fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      report.steps.map(({ id, state }) => `${id} ${state}`),
      ['go done', 'last done', 'always_2 done'],
    );
    assert.deepEqual(report.steps[2]?.lines, ['it was ']);
  });

  test('run after a failed run, after the on_failure steps, and receive what failed', async () => {
    const fabric = createFabric(nodes, { troubles: [{ node: 'b', call: 'thing.blind', kind: 'failed' }] });
    const report = await runText(playbookText(go, `on_failure:\n  - {id: repair, say: repaired}\n${always}`), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      report.steps.map(({ id }) => id),
      ['go', 'repair', 'last', 'always_2'],
    );
    assert.deepEqual(report.steps[3]?.lines, ['it was go']);
  });

  test('run after an interruption', async () => {
    const stop = new AbortController();
    const fabric = createFabric(nodes, { onCall: () => stop.abort() });
    const report = await runText(
      playbookText(`${go}\n  - {id: more, call: thing.look, on: all}`, always),
      fabric,
      {},
      {
        signal: stop.signal,
      },
    );
    assert.equal(report.state, 'interrupted');
    assert.deepEqual(
      fabric.calls.map(({ step }) => step),
      ['go', 'last'],
    );
  });

  test('fail a successful run if they fail', async () => {
    const fabric = createFabric(nodes, { troubles: [{ node: 'b', call: 'thing.look', kind: 'failed' }] });
    const report = await runText(playbookText(go, always), fabric);
    assert.deepEqual([report.state, report.failure?.step], ['failed', 'last']);
  });

  test('do not run if the run never started', async () => {
    const fabric = createFabric([]);
    assert.equal((await runText(playbookText(go, always), fabric)).state, 'failed');
    assert.deepEqual(fabric.calls, []);
  });
});

describe('a question to a person', () => {
  const text = playbookText(
    '  - {id: sure, confirm: "continue with ${{ nodes.all.size }}?"}\n  - {call: thing.look, on: all}',
  );
  const asking = (answer: boolean) => {
    const fabric = createFabric(nodes);
    const questions: string[] = [];
    const confirm = async (question: string) => {
      questions.push(question);
      return answer;
    };
    return { fabric: { ...fabric, ports: { ...fabric.ports, confirm } }, questions };
  };

  test('continues with a yes', async () => {
    const { fabric, questions } = asking(true);
    assert.equal((await runText(text, fabric)).state, 'done');
    assert.deepEqual(questions, ['continue with 2?']);
  });

  test('fails with any other reply, and nothing that needs it is done', async () => {
    const { fabric } = asking(false);
    const report = await runText(text, fabric);
    assert.equal(report.failure?.reasons[0]?.code, 'not-confirmed');
    assert.deepEqual(fabric.calls, []);
  });

  test('fails if nobody can reply', async () => {
    const report = await runText(text, createFabric(nodes));
    assert.equal(report.failure?.reasons[0]?.code, 'no-terminal');
  });

  test('is only reported in a dry run', async () => {
    const report = await runText(text, createFabric(nodes), {}, { dryRun: true });
    assert.deepEqual(report.steps[0]?.lines, ['would ask: continue with 2?']);
  });
});

describe('a plan that a person declines', () => {
  test('ends the run before its first change, as interrupted', async () => {
    const fabric = createFabric(nodes);
    let shown = '';
    const agree = async (plan: object) => {
      shown = JSON.stringify(plan);
      return false;
    };
    const ports = { ...fabric.ports, agree };
    const report = await runText(playbookText('  - {id: go, call: thing.blind, on: all, batch: 1}'), {
      ...fabric,
      ports,
    });
    assert.equal(report.state, 'interrupted');
    assert.deepEqual(fabric.calls, []);
    assert.match(shown, /"title":"thing#blind","nodes":\["a","b"\],"batch":"1"/);
  });
});

describe('a lease', () => {
  test('has the name that the playbook gives it', async () => {
    const fabric = createFabric(nodes);
    const names: string[] = [];
    const takeLease = async ({ name }: { name: string }) => void names.push(name);
    const text = playbookText(
      '  - {call: thing.blind, on: all}',
      'inputs: {site: {}}\nlock: "site/${{ inputs.site }} 1"',
    );
    const report = await runText(text, { ...fabric, ports: { ...fabric.ports, takeLease } }, { site: 'north' });
    assert.equal(report.state, 'done');
    assert.deepEqual(names, ['site/north_1']);
  });

  test('may only use inputs for it', async () => {
    const text = playbookText('  - {say: a}', 'lock: "${{ nodes.all.size }}"');
    await assert.rejects(load(text), { code: 'bad-playbook', message: /^test\.yaml:7:12: there is no “nodes” here/ });
  });
});
