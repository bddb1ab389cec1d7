import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { journalFile } from '../../../src/library/runs/journal.ts';
import { type Answers, answeringAgents } from '../../support/agents/answering-agents.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome, placeOf } from '../../support/program/home.ts';

let fleet: Fleet;
let home: string;
let keeper: TestNode;
let other: TestNode;
let answers: Answers = {};
before(async () => {
  fleet = await makeFleet();
  const start = (name: string, agent: string) =>
    startTestNode(fleet, { name, agents: answeringAgents([agent], () => answers) });
  keeper = await start('dev1.devco.net', 'journal');
  other = await start('dev2.devco.net', 'lock');
  home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), [keeper, other]);
});
after(async () => {
  for (const node of [keeper, other]) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const mco = async (...words: string[]) => {
  const { code, out, err } = await runInProcess(words, home);
  return { code, out: out.join('\n'), err: err.join('\n') };
};

const began = 1_800_000_000_000;
const call = { type: 'call', step: 'update', requestId: 'r1', try: 1, batch: 1, changes: true, input: {} };
const reply = { type: 'outcome', step: 'update', requestId: 'r1', try: 1, status: 0, code: '', message: '', data: {} };

/** Writes the journal of a run on this host: with a call of one step, and the outcomes on its nodes. */
async function keep(
  run: string,
  more: { at?: number; start?: object; state?: string; called?: object; next?: string } = {},
) {
  const { at = began, start = {}, state = 'failed', called = {}, next } = more;
  const started = { playbook: 'app', file: 'app', operator: 'rip@devco.net', dryRun: false, inputs: {}, digest: '' };
  const nodes = ['web1', 'web2'];
  const entries = [
    { type: 'run-started', ...started, ...start },
    { type: 'step-started', step: 'update' },
    { ...call, agent: 'appmgr', action: 'upgrade', dryRun: false, nodes, ...called },
    { ...reply, node: 'web1', outcome: 'ok' },
    { ...reply, node: 'web2', outcome: 'failed', code: 'no-space', message: 'it is full' },
    { type: 'step-finished', step: 'update', state: 'done' },
    ...(state === '' ? [] : [{ type: 'run-finished', state, ...(next && { next }) }]),
  ];
  const file = journalFile(join(home, '.local/state/mco-deploy'), run);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, entries.map((entry) => `${JSON.stringify({ at, runId: run, ...entry })}\n`).join(''));
}

describe('runs', { timeout: 600_000 }, () => {
  const [one, two, three] = [`aaaaaaaa${'1'.repeat(24)}`, `aaaaaaaa${'2'.repeat(24)}`, 'b'.repeat(32)];

  test('are listed with the newest first, by ids that are as long as they must be', async () => {
    await keep(one, { at: began, start: { inputs: { cluster: null, revision: 20 } } });
    await keep(two, { at: began + 2000, start: { inputs: { cluster: 'bravo', targets: ['a=10', 'b=9', 'c=10'] } } });
    await keep(three, { at: began + 1000, state: 'done', start: { dryRun: true } });
    const { code, out } = await mco('runs');
    assert.equal(code, 0);
    assert.deepEqual(
      out
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {2,}/).slice(0, 2)),
      [
        ['failed', 'aaaaaaaa2'],
        ['done (dry run)', 'bbbbbbbb'],
        ['failed', 'aaaaaaaa1'],
      ],
    );
    assert.match(out, / app +bravo +10, 9 /);
    assert.ok(!out.includes('null'));
  });

  test('are listed beside one whose file cannot be read, which is named', async () => {
    const file = journalFile(join(home, '.local/state/mco-deploy'), 'c'.repeat(32));
    await mkdir(file);
    const { code, out, err } = await mco('runs');
    assert.equal(code, 0);
    assert.match(err, new RegExp(`^warning: ${file} cannot be read: `));
    assert.match(out, /aaaaaaaa2/);
  });

  test('end with the command that continues them, if they did not complete and changed what they said', async () => {
    for (const [state, start, isShown] of [
      ['failed', {}, true],
      ['interrupted', {}, true],
      ['', {}, true],
      ['done', {}, false],
      ['nothing-to-do', {}, false],
      ['failed', { dryRun: true }, false],
    ] as const) {
      await keep(three, { state, start });
      const { code, out } = await mco('runs', 'show', 'bbbb', '--offline');
      assert.equal(code, 0);
      assert.equal(out.endsWith(`\nto continue where it stopped: mco-deploy resume ${three}`), isShown, state);
    }
  });

  test('end with the command to type again, as the run did, if it failed before it changed anything', async () => {
    await keep(three, { next: 'to try again: mco-deploy upgrade --cluster bravo --rev 20' });
    const { out } = await mco('runs', 'show', 'bbbb', '--offline');
    assert.equal(out.split('\n').at(-1), 'to try again: mco-deploy upgrade --cluster bravo --rev 20');
  });

  test('show what failed in a step that is done, and all of it with -v', async () => {
    await keep(three);
    const short = await mco('runs', 'show', three, '--offline');
    assert.match(short.out, /\n {4}web2 +try 1 {2}failed: it is full \(no-space\)/);
    assert.ok(!short.out.includes('web1'));
    assert.match((await mco('runs', 'show', three, '--offline', '-v')).out, /\n {4}web1 +try 1 {2}ok \{\}\n/);
  });

  test('ask the load balancers that they called, and say which of them do not answer', async () => {
    const called = { agent: 'haproxy', action: 'disable', nodes: ['lb9.devco.net'] };
    await keep(three, { called });
    const { code, err } = await mco('runs', 'show', three);
    assert.equal(code, 3);
    assert.match(err, /No response from:\n {2}lb9\.devco\.net/);
    for (const words of [['--offline'], []]) {
      await keep(three, { called: words.length > 0 ? called : { ...called, dryRun: true } });
      const unasked = await mco('runs', 'show', three, ...words);
      assert.deepEqual([unasked.code, unasked.err], [0, ''], 'a dry run took nothing out of traffic');
    }
  });

  test('on nodes have a warning for each node that does not list them, and the exit code of that', async () => {
    answers = { 'journal.list': new Problem('bad-journal', 'its journals are damaged') };
    const { code, err } = await mco('runs', '--fleet');
    assert.deepEqual([code, err.split('\n')[0]], [2, 'warning: dev1.devco.net: its journals are damaged']);
    answers = { 'journal.list': { runs: [] } };
    assert.deepEqual(await mco('runs', '--fleet'), { code: 0, out: '', err: 'no node stores the journal of a run' });
    const file = join(home, 'others.json');
    await writeFile(file, JSON.stringify([placeOf(other)]));
    const none = await mco('runs', '--fleet', '--nodes', file);
    assert.deepEqual([none.code, none.err.split('\n').at(-1)], [1, 'no node runs the agent journal']);
  });
});
