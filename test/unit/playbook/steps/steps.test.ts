// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { PlaybookPorts } from '../../../../src/playbook/ports.ts';
import type { RunOptions } from '../../../../src/playbook/run/start-context.ts';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { load, runText } from '../../../support/fleet/playbook.ts';

const nodes: FabricNode[] = ['a', 'b', 'c'].map((name) => ({ name, agents: ['thing'] }));
const dry: RunOptions = { dryRun: true };

const around = (steps: string) => `name: test
inputs:
  list: {type: list, default: [x, y]}
  text: {type: string, default: "2s"}
nodes: {all: {agents: [thing]}}
steps:
${steps}
`;

async function run(steps: string, options: RunOptions = {}, ports: Partial<PlaybookPorts> = {}) {
  const fabric = createFabric(nodes);
  const report = await runText(around(steps), { ...fabric, ports: { ...fabric.ports, ...ports } }, {}, options);
  const all = report.steps.map(({ id, state, lines = [] }) => [id, state, ...lines].join(': '));
  return { report, fabric, steps: all, failure: report.failure };
}

async function fault(steps: string): Promise<string> {
  try {
    await load(around(steps));
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'bad-playbook', String(error));
    return error.message;
  }
  return assert.fail(`it was accepted: ${steps}`);
}

describe('a step that waits', () => {
  /** Answers with these faults, one after the other; then nothing is wrong. */
  const probes = (...faults: string[]) => {
    const asked: [unknown, number][] = [];
    const probe: PlaybookPorts['probe'] = async (target, timeout) => {
      asked.push([target, timeout]);
      return faults.shift();
    };
    return { asked, probe };
  };

  test('ends as soon as what it waits for is there', async () => {
    const { asked, probe } = probes('closed', 'closed');
    const { steps, fabric } = await run('  - {id: w, wait_for: {tcp: "h:80"}}', {}, { probe });
    assert.deepEqual([steps, fabric.slept], [['w: done'], [1000, 1000]]);
    assert.deepEqual(asked, [
      [{ tcp: 'h:80' }, 10_000],
      [{ tcp: 'h:80' }, 10_000],
      [{ tcp: 'h:80' }, 10_000],
    ]);
  });

  test('fails after its timeout, with the last fault or with its own message', async () => {
    const always = () => probes(...Array<string>(100).fill('closed')).probe;
    const usual = await run('  - {id: w, wait_for: {url: "http://h/"}}', {}, { probe: always() });
    assert.deepEqual(
      [
        usual.failure?.step,
        usual.failure?.reasons[0]?.code,
        usual.failure?.reasons[0]?.reason,
        usual.fabric.slept.length,
      ],
      ['w', 'not-up', 'http://h/ did not come up within 60 s: closed', 59],
    );
    const own =
      '  - {id: w, wait_for: {tcp: "h:1", timeout: 3s, every: "${{ inputs.text }}"}, message: "no ${{ inputs.text }}"}';
    const { failure, fabric } = await run(own, {}, { probe: always() });
    assert.deepEqual([failure?.reasons[0]?.reason, fabric.slept], ['no 2s', [2000]]);
  });

  test('takes the time that it has, and the run the time that it took, however the host’s time is set', async () => {
    for (const hours of [1, -1]) {
      let time = Date.UTC(2026, 0, 1);
      const now = () => (time += hours * 3_600_000);
      const up = await run('  - {id: w, wait_for: {tcp: "h:80"}}', {}, { now, probe: probes('closed').probe });
      assert.deepEqual([up.steps, up.fabric.slept], [['w: done'], [1000]]);
      assert.deepEqual([up.report.elapsed, up.report.steps[0]?.elapsed], [1000, 1000]);
      const never = probes(...Array<string>(100).fill('closed')).probe;
      const down = await run('  - {id: w, wait_for: {tcp: "h:80", timeout: 3}}', {}, { now, probe: never });
      assert.deepEqual([down.report.state, down.fabric.slept], ['failed', [1000, 1000]]);
    }
  });

  test('gives the last look what is left of its time', async () => {
    const { asked, probe } = probes('closed', 'closed', 'closed');
    await run('  - {wait_for: {tcp: "h:80", timeout: 15, every: 12}}', {}, { probe });
    assert.deepEqual(
      asked.map(([, timeout]) => timeout),
      [10_000, 3000],
    );
  });

  test('only says so in a dry run', async () => {
    for (const target of ['tcp: "h:80"', 'url: "http://h/"']) {
      const { asked, probe } = probes();
      const { steps, report } = await run(`  - {id: w, wait_for: {${target}}}`, dry, { probe });
      assert.deepEqual([steps, asked], [[`w: done: would wait for ${target.slice(6, -1)}`], []]);
      assert.equal(report.state, 'done');
    }
  });

  test('is interrupted with the run', async () => {
    const stop = new AbortController();
    const probe = async () => {
      stop.abort();
      return 'closed';
    };
    const { report } = await run('  - {id: w, wait_for: {tcp: "h:80"}}', { signal: stop.signal }, { probe });
    assert.equal(report.state, 'interrupted');
  });

  test('is refused with neither or both targets, and with a time that is none', async () => {
    for (const target of ['', 'tcp: "h:80", url: "http://h/"', 'timeout: 5']) {
      assert.match(await fault(`  - {wait_for: {${target}}}`), /give one of “url” and “tcp”|must/, target);
    }
    for (const key of ['timeout', 'every']) {
      assert.match(await fault(`  - {wait_for: {tcp: "h:80", ${key}: soon}}`), /must be seconds, or like 500ms/);
      const late = `  - {id: w, wait_for: {tcp: "h:80", ${key}: "\${{ inputs.list[0] }}"}}`;
      const { failure } = await run(late, {}, { probe: async () => undefined });
      assert.match(failure?.reasons[0]?.reason ?? '', new RegExp(`“${key}” gives “x”: it must be seconds`));
    }
  });

  test('pauses for its time, and says so in a dry run', async () => {
    const step = '  - {id: p, pause: "${{ inputs.text }}"}';
    const made = await run(step);
    assert.deepEqual([made.steps, made.fabric.slept], [['p: done'], [2000]]);
    const shown = await run(step, dry);
    assert.deepEqual([shown.steps, shown.fabric.slept], [['p: done: would wait 2s'], []]);
    assert.match(await fault('  - {pause: soon}'), /must be seconds/);
    const { failure } = await run('  - {pause: "${{ inputs.list[0] }}"}');
    assert.match(failure?.reasons[0]?.reason ?? '', /“pause” gives “x”/);
  });
});

describe('a step that asks a person', () => {
  const step = '  - {id: q, confirm: "continue with ${{ inputs.list[0] }}?"}\n  - {say: after}';
  const answer = (yes: boolean) => async () => yes;

  test('continues after a yes, and fails the run after anything else', async () => {
    const yes = await run(step, {}, { confirm: answer(true) });
    assert.deepEqual([yes.report.state, yes.steps[0]], ['done', 'q: done: continue with x? yes']);
    const no = await run(step, {}, { confirm: answer(false) });
    assert.deepEqual(
      [no.report.state, no.failure?.reasons[0]?.code, no.failure?.reasons[0]?.reason],
      ['failed', 'not-confirmed', 'rip did not say yes to: continue with x?'],
    );
    assert.equal(no.steps[1]?.includes('after'), false, 'the next step did not run');
  });

  test('asks nobody in a dry run, and fails where nobody can be asked', async () => {
    const shown = await run(step, dry, { confirm: answer(false) });
    assert.equal(shown.steps[0], 'q: done: would ask: continue with x?');
    const { failure } = await run(step);
    assert.deepEqual(
      [failure?.reasons[0]?.code, failure?.reasons[0]?.reason],
      ['no-terminal', 'nobody can be asked: continue with x?: run it on a terminal, or with --yes'],
    );
  });

  test('is interrupted with the run', async () => {
    const stop = new AbortController();
    const confirm = async () => {
      stop.abort();
      return false;
    };
    assert.equal((await run(step, { signal: stop.signal }, { confirm })).report.state, 'interrupted');
  });
});

describe('a step that requires something', () => {
  test('fails the run with its condition, or with its message', async () => {
    const plain = await run('  - {require: "nodes.all.size > 5"}');
    assert.equal(plain.failure?.reasons[0]?.reason, 'it requires nodes.all.size > 5');
    const own = await run('  - {require: "nodes.all.size > 5", message: "only ${{ nodes.all.size }}"}');
    assert.deepEqual([own.failure?.reasons[0]?.code, own.failure?.reasons[0]?.reason], ['required', 'only 3']);
    assert.equal((await run('  - {require: "nodes.all.size == 3"}')).report.state, 'done');
  });

  test('reports it in a dry run, if a change was not made before', async () => {
    const check = '  - {id: r, require: "nodes.all.size > 5"}\n  - {id: s, say: after}';
    const change = '  - {call: thing.change, on: all, with: {to: x}}\n';
    const { steps, report } = await run(`${change}${check}`, dry);
    assert.deepEqual(
      [report.state, steps.slice(1)],
      ['done', ['r: done: not met yet: it requires nodes.all.size > 5', 's: done: would say: after']],
    );
    assert.equal((await run(check, dry)).report.state, 'failed', 'nothing would have changed');
    assert.equal((await run(`${change}${check}`)).report.state, 'failed');
  });
});

describe('steps in rounds', () => {
  test('run once for each item of a list, in order', async () => {
    const { fabric, report } = await run(
      '  - id: f\n    for_each: {in: "${{ inputs.list }}", steps: [{id: c, call: thing.change, on: all, with: {to: "${{ item }}", count: "${{ round.number }}"}}]}',
    );
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ input }) => input),
      [
        { to: 'x', count: 1 },
        { to: 'y', count: 2 },
      ],
    );
    const { failure } = await run('  - for_each: {in: "${{ inputs.text }}", steps: [{say: "${{ item }}"}]}');
    assert.match(failure?.reasons[0]?.reason ?? '', /“in” must give a list of at most 1000 items/);
  });

  test('run for each batch of nodes, with a wait between them', async () => {
    const step = (over: string) =>
      `  - id: r\n    rolling: {over: ${over}, batch: 2, batch_sleep: 5, steps: [{id: c, call: thing.look, on: "\${{ batch.names }}"}]}`;
    const { fabric } = await run(step('all'));
    assert.deepEqual(
      fabric.calls.map(({ nodes: called }) => called),
      [['a', 'b'], ['c']],
    );
    assert.deepEqual(fabric.slept, [5000]);
    const some = await run(step(`'\${{ ["c", "a", "c"] }}'`));
    assert.deepEqual(
      some.fabric.calls.map(({ nodes: called }) => called),
      [['c', 'a']],
      'each once',
    );
    const one = '  - rolling: {over: all, steps: [{id: c, call: thing.look, on: "${{ batch.names }}"}]}';
    const usual = await run(one);
    assert.deepEqual(usual.fabric.slept, [], 'without a wait by default');
    for (const over of [`'\${{ ["a", "zz"] }}'`, `'\${{ ["a", 1] }}'`, `'\${{ "a" }}'`]) {
      const { failure } = await run(step(over));
      assert.match(failure?.reasons[0]?.reason ?? '', /^“over” gives .*not in a node set/, over);
    }
    assert.match(await fault(step('al')), /there is no node set “al”: .*all/);
  });
});

describe('a step that calls', () => {
  test('is refused with settings that do not go together', async () => {
    const call = (settings: string, action = 'look') => fault(`  - {call: thing.${action}, on: all, ${settings}}`);
    assert.match(await call('limit: 1, failover: true, batch: 2'), /“batch” cannot be combined with “failover”/);
    assert.match(await call('message: no'), /“message” requires “until”/);
    assert.match(await call('passes: 1'), /“passes” requires “until”/);
    assert.match(await call('reassert: x'), /no step “x” is among those that this one needs/);
    for (const other of [
      '{id: o, call: thing.look, on: all}',
      '{id: o, call: thing.once, on: all}',
      '{id: o, say: x}',
    ]) {
      const message = await fault(`  - ${other}\n  - {call: thing.look, on: all, reassert: o}`);
      assert.match(message, /is not a call that changes something and may be repeated/, other);
    }
    await load(around('  - {id: o, call: thing.blind, on: all}\n  - {call: thing.look, on: all, reassert: o}'));
    await load(around('  - {call: thing.once, on: all, tries: 1}'));
    await load(around('  - {call: thing.look, on: all, tries: 5, passes: 5, until: "true"}'));
  });

  test('is refused when an expression gives such settings', async () => {
    const tries = await run('  - {call: thing.once, on: all, tries: "${{ nodes.all.size }}"}');
    assert.match(tries.failure?.reasons[0]?.reason ?? '', /thing#once must not be repeated/);
    const passes = await run(
      '  - {call: thing.look, on: all, tries: 2, until: "true", passes: "${{ nodes.all.size }}"}',
    );
    assert.match(passes.failure?.reasons[0]?.reason ?? '', /at least as many tries as passes/);
    assert.deepEqual([...tries.fabric.calls, ...passes.fabric.calls], []);
  });
});

describe('a step that says something', () => {
  test('prints each line, or a cow', async () => {
    assert.deepEqual((await run('  - {id: s, say: "one\\ntwo"}')).steps, ['s: done: one: two']);
    const { steps } = await run('  - {id: s, say: one, cow: true}');
    assert.match(steps[0] ?? '', /one[\s\S]*\(oo\)/);
  });

  test('ends the run with “finish”, and nothing after it runs', async () => {
    const { steps, report } = await run('  - {id: e, finish: "nothing to do"}\n  - {say: after}');
    assert.equal(report.state, 'nothing-to-do');
    assert.equal(steps[0], 'e: done: nothing to do');
    assert.equal(
      steps.some((line) => line.includes('after')),
      false,
    );
    assert.match(
      await fault('  - for_each: {in: "${{ inputs.list }}", steps: [{finish: x}]}'),
      /“finish” ends a whole run: it is not allowed within a step/,
    );
  });
});
