import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appmgrDdl } from '../../../../../src/agents/appmgr/ddl.ts';
import { loadPlaybook } from '../../../../../src/playbook/compile/load.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { readHistory, resumeFrom } from '../../../../../src/playbook/journal/history.ts';
import { runPlaybook } from '../../../../../src/playbook/run/run-playbook.ts';
import { createFabric, type FabricNode } from '../../../../support/fleet/fabric.ts';
import { playbookText } from '../../../../support/fleet/playbook.ts';
import { failWhen, made, nodes, runId, runTwice } from '../../../../support/fleet/resumed.ts';

describe('a run that resumes with the replies in its journal', () => {
  test('reads again from the one node of a completed step whose outcome was not recorded', async () => {
    const text = playbookText(`  - {id: look, call: thing.look, on: all}
  - {id: last, call: thing.change, on: all, with: {to: y}}`);
    const lost = (journal: readonly JournalEntry[]) =>
      journal.filter((entry) => entry.type !== 'outcome' || entry.step !== 'look' || entry.node !== 'b');
    const troubles = [{ node: 'c', call: 'thing.change', kind: 'failed' }] as const;
    assert.deepEqual(made((await runTwice(text, { troubles }, {}, lost)).fabric), ['look b 1', 'last c 2']);
  });

  test('repeats what a node remembers as done, but without its reply', async () => {
    const restarted: FabricNode = { name: 'b', agents: ['appmgr'], actions: { 'appmgr.upgrade': answerTo(2) } };
    const text = `name: test
nodes: {all: {agents: [appmgr]}}
steps:
  - {id: go, call: appmgr.upgrade, on: all, with: {revision: '20'}}
  - {say: "it was \${{ steps.go.replies[0].data.previous }}"}`;
    const playbook = await loadPlaybook({ text, name: 'test.yaml' }, [appmgrDdl]);
    const first = createFabric([restarted], {
      troubles: [{ node: 'b', call: 'appmgr.upgrade', kind: 'no-response' }],
    });
    await runPlaybook(playbook, {}, first.ports, { runId });
    const fabric = createFabric([restarted]);
    const resumed = resumeFrom(readHistory(first.journal));
    const report = await runPlaybook(playbook, {}, fabric.ports, { runId, resumed });
    assert.equal(report.state, 'done');
    assert.deepEqual(made(fabric), ['go b 1', 'go b 2']);
    assert.deepEqual(report.steps.at(-1)?.lines, ['it was 10']);
  });

  test('reads again if the journal keeps only part of a reply because a value was sensitive', async () => {
    const text = playbookText(`  - {id: look, call: thing.look, on: all}
  - {id: last, call: thing.change, on: all, with: {to: y}}`);
    const secretive = { ...(nodes[0] as FabricNode), actions: { 'thing.look': () => ({ secret: 's' }) } };
    const late = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const { fabric } = await runTwice(text, { nodes: [secretive, nodes[1] as FabricNode, late] });
    assert.deepEqual(made(fabric), ['look a,b,c 1', 'last c 2']);
  });

  test('repeats the same try of a change whose reply the journal keeps only in part', async () => {
    const text = playbookText(`  - {id: first, call: thing.change, on: all, with: {to: x}}
  - {id: last, call: thing.change, on: all, with: {to: y}}`);
    const secretive = { ...(nodes[0] as FabricNode), actions: { 'thing.change': () => ({ secret: 's' }) } };
    const late = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const { before, fabric } = await runTwice(text, { nodes: [secretive, nodes[1] as FabricNode, late] });
    assert.deepEqual(made(fabric), ['first a 1', 'last a 1', 'last c 2']);
    assert.equal(
      fabric.calls[0]?.requestId,
      before.calls[0]?.requestId,
      'under the same request: nothing is done twice',
    );
  });

  test('relies on its earlier reads only until it changes something again', async () => {
    const text = playbookText(`  - {id: before, call: thing.look, on: all}
  - {id: wait, pause: 10s}
  - {id: change, call: thing.change, on: all, with: {to: x}}
  - {id: after, call: thing.look, on: all}
  - {id: soak, pause: 20s}
  - {id: last, call: thing.change, on: all, with: {to: y}}`);
    const late = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const done = await runTwice(text, { nodes: [...nodes.slice(0, 2), late] });
    assert.deepEqual([made(done.fabric), done.fabric.slept], [['last c 2'], []]);
    const early = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('x') } };
    const undone = await runTwice(text, { nodes: [...nodes.slice(0, 2), early] });
    assert.deepEqual(made(undone.fabric), ['change c 2', 'after a,b,c 1', 'last a,b,c 1']);
    assert.deepEqual(undone.fabric.slept, [20_000]);
  });

  test('repeats a change in a dry run, as it reads again', async () => {
    const ask = playbookText(`  - {id: ask, call: thing.change, dry_run: true, on: all, with: {to: x}}
  - {id: last, call: thing.change, on: all, with: {to: y}}`);
    const failed = await runTwice(ask, { troubles: [{ node: 'c', call: 'thing.change', kind: 'failed', tries: [1] }] });
    assert.deepEqual(made(failed.fabric), ['ask a,b,c 1', 'last a,b,c 1']);
    const late = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const done = await runTwice(ask, { nodes: [...nodes.slice(0, 2), late] });
    assert.deepEqual(made(done.fabric), ['last c 2'], 'its step was done, and nothing was changed since');
  });

  test('reads again what it read between a change and the undoing of that change', async () => {
    const text = playbookText(
      `  - {id: first, call: thing.change, on: all, with: {to: x}}
  - {id: look, call: thing.look, on: all}
  - {id: last, call: thing.change, on: "\${{ ['c'] }}", with: {to: y}}`,
      `on_failure:
  - {call: thing.change, on: "\${{ ['a'] }}", with: {to: old}}`,
    );
    const broken = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const { fabric } = await runTwice(text, { nodes: [...nodes.slice(0, 2), broken] });
    assert.deepEqual(made(fabric), ['first a 2', 'look a,b,c 1', 'last c 2']);
  });
});

/** Only from that try on with what the action has to answer. */
function answerTo(number: number) {
  return (_input: object, { try: made }: { readonly try: number }) =>
    made < number ? {} : { application: 'app', revision: '20', previous: '10', changed: false };
}
