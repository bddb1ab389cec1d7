import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { readHistory, resumeFrom } from '../../../../../src/playbook/journal/history.ts';
import { createFabric, type Fabric, type FabricNode, type FabricOptions } from '../../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../../support/fleet/playbook.ts';
import { failWhen, made, nodes, runId, runTwice } from '../../../../support/fleet/resumed.ts';

const two = playbookText(`  - {id: first, call: thing.change, on: all, with: {to: x}}
  - {id: second, call: thing.change, on: all, with: {to: y}}`);

describe('a run that resumes', () => {
  test('calls only those that failed, with their next try, under the same request', async () => {
    const { before, fabric, report } = await runTwice(two, {
      troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }],
    });
    assert.equal(report.state, 'done');
    assert.deepEqual(made(fabric), ['first b 2', 'second a,b,c 1']);
    assert.equal(fabric.calls[0]?.requestId, before.calls[0]?.requestId);
  });

  test('does not pause before a batch that is already done', async () => {
    const text = playbookText('  - {id: go, call: thing.change, on: all, batch: 1, batch_sleep: 5s, with: {to: x}}');
    const { fabric } = await runTwice(text, { troubles: [{ node: 'c', call: 'thing.change', kind: 'failed' }] });
    assert.deepEqual([made(fabric), fabric.slept], [['go c 2'], [5000]]);
  });

  test('counts the earlier consecutive passes', async () => {
    const text = playbookText(
      '  - {id: go, call: thing.change, on: all, with: {to: x}, until: reply.data.number == 0, passes: 3, tries: 3}',
    );
    const good = [{ name: 'a', agents: ['thing'], actions: { 'thing.change': () => ({ number: 0 }) } }];
    const killed = (journal: readonly JournalEntry[]) =>
      journal.slice(
        0,
        journal.findIndex((entry) => entry.type === 'call' && entry.try === 3),
      );
    const { fabric, report } = await runTwice(text, { nodes: good }, { nodes: good }, killed);
    assert.deepEqual([made(fabric), report.state], [['go a 3'], 'done']);
  });

  test('sees its start time', async () => {
    const text = playbookText(`  - {id: first, call: thing.change, on: all, with: {to: "t\${{ run.time.size() }}"}}
  - {id: told, say: "\${{ run.time }}"}
  - {id: second, call: thing.change, on: "\${{ ['b'] }}", with: {to: y}}
  - {id: again, say: "\${{ run.time }}"}`);
    const slow = { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed', tries: [1] }] as const };
    const { before, report } = await runTwice(text, slow);
    const began = before.journal.find((entry) => entry.type === 'run-started');
    assert.deepEqual(report.steps.at(-1)?.lines, [began?.time]);
  });

  test('keeps the nodes it began with', async () => {
    const failing = { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }] as const };
    const more = [...nodes, { name: 'd', agents: ['thing'] }];
    const grown = await runTwice(two, failing, { nodes: more });
    assert.deepEqual(made(grown.fabric), ['first b 2', 'second a,b,c 1']);
    const shrunk = await runTwice(two, failing, { nodes: nodes.slice(0, 2) });
    assert.deepEqual([shrunk.report.state, made(shrunk.fabric)], ['failed', []]);
    assert.deepEqual(shrunk.report.failure?.reasons, [
      { node: 'c', code: 'silent', reason: 'the run started with it, and it is not found now' },
    ]);
  });

  test('reads again from every node in a step that did not end well', async () => {
    const look = playbookText('  - {id: look, call: thing.look, on: all}');
    const failed = await runTwice(look, { troubles: [{ node: 'c', call: 'thing.look', kind: 'failed' }] });
    assert.deepEqual(made(failed.fabric), ['look a,b,c 1'], 'a node that replied before may have changed since');
  });

  test('reads again what it failed by, and keeps what it read before its last change', async () => {
    const text = playbookText(`  - {id: old, call: thing.look, on: all}
  - {id: go, call: thing.change, on: all, with: {to: "\${{ steps.old.replies[0].data.text }}"}}
  - {id: look, call: thing.look, on: all}
  - {id: sure, require: "steps.look.replies.all(r, r.data.text == 'good')", message: not good}`);
    const saying = (word: string): readonly FabricNode[] =>
      nodes.map((node) => ({ ...node, actions: { 'thing.look': () => ({ text: word }) } }));
    const { fabric, report } = await runTwice(text, { nodes: saying('bad') }, { nodes: saying('good') });
    assert.deepEqual([report.state, made(fabric)], ['done', ['look a,b,c 1']]);
    const same = await runTwice(text, { nodes: saying('bad') }, { nodes: saying('bad') });
    assert.deepEqual([same.report.state, made(same.fabric)], ['failed', ['look a,b,c 1']]);
  });

  test('names a new run as what comes next if it failed by an action that may not be repeated', async () => {
    const text = playbookText(
      '  - {id: go, call: thing.change, on: all, with: {to: x}}\n  - {id: once, call: thing.once, on: all}',
    );
    const next = async (trouble: NonNullable<FabricOptions['troubles']>[number]) => {
      const fabric = createFabric(nodes, { troubles: [trouble] });
      const begun = await runText(text, fabric, {}, { runId, command: 'mco-deploy run x.yaml' });
      const resumed = resumeFrom(readHistory(fabric.journal));
      const again = createFabric(nodes);
      const after = await runText(text, again, {}, { runId, resumed, command: 'mco-deploy run x.yaml' });
      return [begun.next, after.state, after.next];
    };
    const [start, go] = [
      'to start again, in a new run: mco-deploy run x.yaml',
      `to continue: mco-deploy resume ${runId}`,
    ];
    const once = { node: 'b', call: 'thing.once' };
    assert.deepEqual(await next({ ...once, kind: 'failed' }), [start, 'failed', start]);
    assert.deepEqual(await next({ ...once, kind: 'refused' }), [go, 'done', undefined]);
    assert.deepEqual(await next({ ...once, kind: 'no-response' }), [go, 'done', undefined]);
    assert.deepEqual(await next({ node: 'b', call: 'thing.change', kind: 'failed' }), [go, 'done', undefined]);
  });

  test('repeats a call that is no longer the same', async () => {
    const text = playbookText(`  - {id: look, call: thing.look, on: "\${{ ['a'] }}"}
  - {id: change, call: thing.change, on: all, with: {to: "\${{ steps.look.replies[0].data.text }}"}}`);
    const say = (word: string): FabricNode => ({
      ...(nodes[0] as FabricNode),
      actions: { 'thing.look': () => ({ text: word }) },
    });
    const failing = { troubles: [{ node: 'c', call: 'thing.change', kind: 'failed' }] as const };
    const forget = (journal: readonly JournalEntry[]) =>
      journal.filter((entry) => !('step' in entry) || entry.step !== 'look');
    const { fabric } = await runTwice(
      text,
      { nodes: [say('old'), ...nodes.slice(1)], ...failing },
      { nodes: [say('new'), ...nodes.slice(1)] },
      forget,
    );
    assert.deepEqual(made(fabric), ['look a 1', 'change a,b,c 1']);
  });
});

describe('a run that resumes in the middle of its tries', () => {
  test('repeats the same try on a node with an unknown reply', async () => {
    const silent = await runTwice(two, { troubles: [{ node: 'b', call: 'thing.change', kind: 'no-response' }] });
    assert.deepEqual(made(silent.fabric), ['first b 1', 'second a,b,c 1']);
    const withoutB = (journal: readonly JournalEntry[]) =>
      journal.filter((entry) => entry.type !== 'outcome' || entry.node !== 'b').slice(0, 6);
    const cut = await runTwice(two, {}, {}, withoutB);
    assert.deepEqual(made(cut.fabric), ['first b 1', 'second a,b,c 1']);
  });

  test('tries again at once if a node reports that it failed meanwhile, although only one try is allowed', async () => {
    const { fabric, report } = await runTwice(
      two,
      { troubles: [{ node: 'b', call: 'thing.change', kind: 'no-response' }] },
      { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed', tries: [1] }] },
    );
    assert.equal(report.steps[0]?.state, 'done');
    assert.deepEqual(made(fabric).slice(0, 2), ['first b 1', 'first b 2']);
  });

  test('repeats a repeatable try on a node, however long ago that was', async () => {
    const hourAgo = (journal: readonly JournalEntry[]) =>
      journal.map((entry) => ({ ...entry, at: entry.at - 3_600_000 }));
    const troubles = [{ node: 'b', call: 'thing.change', kind: 'no-response' }] as const;
    assert.equal(made((await runTwice(two, { troubles }, {}, hourAgo)).fabric)[0], 'first b 1');
  });

  test('makes one try more than the step allows if it only queries one, and not two', async () => {
    const { fabric, report } = await runTwice(
      two,
      { troubles: [{ node: 'b', call: 'thing.change', kind: 'no-response' }] },
      { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }] },
    );
    assert.deepEqual([made(fabric), report.state], [['first b 1', 'first b 2'], 'failed']);
  });

  test('continues after the last try, even if the result of an earlier one is unknown', async () => {
    const text = playbookText('  - {id: go, call: thing.change, on: all, with: {to: x}, tries: 2}');
    const troubles = [{ node: 'b', call: 'thing.change', kind: 'failed' }] as const;
    const lost = (journal: readonly JournalEntry[]) =>
      journal.filter((entry) => entry.type !== 'outcome' || entry.node !== 'b' || entry.try !== 1);
    assert.deepEqual(made((await runTwice(text, { troubles }, {}, lost)).fabric), ['go b 3']);
  });

  for (const [outcome, code, next] of [
    ['cancelled', 'cancelled', 'first b 1'],
    ['cancelled', 'stopped', 'first b 2'],
    ['failed', 'cancelled', 'first b 2'],
  ] as const) {
    test(`treats an outcome “${outcome}” of code “${code}” as ${next === 'first b 1' ? 'not known' : 'known'}`, async () => {
      const given = (journal: readonly JournalEntry[]) =>
        journal.map((entry) => (entry.type === 'outcome' && entry.node === 'b' ? { ...entry, outcome, code } : entry));
      const troubles = [{ node: 'b', call: 'thing.change', kind: 'failed' }] as const;
      assert.equal(made((await runTwice(two, { troubles }, {}, given)).fabric)[0], next);
    });
  }

  test('queries a node for what it certainly remembers, for 25 minutes and no longer', async () => {
    const once = playbookText('  - {id: go, call: thing.once, on: all}');
    const troubles = [{ node: 'b', call: 'thing.once', kind: 'no-response' }] as const;
    // The clock of the second fabric, which moves by a millisecond for each call.
    const now = Date.UTC(2026, 0, 1);
    const calledAt = async (at: number) => {
      const dated = (journal: readonly JournalEntry[]) => journal.map((entry) => ({ ...entry, at }));
      return made((await runTwice(once, { troubles }, {}, dated)).fabric);
    };
    assert.deepEqual(await calledAt(now - 25 * 60_000 + 20), ['go b 1']);
    assert.deepEqual(await calledAt(now - 25 * 60_000), []);
  });
});

describe('a run that resumes at an unrepeatable call', () => {
  test('never repeats an unrepeatable call', async () => {
    const once = playbookText('  - {id: go, call: thing.once, on: all}');
    const failed = await runTwice(once, { troubles: [{ node: 'b', call: 'thing.once', kind: 'failed' }] });
    assert.deepEqual([made(failed.fabric), failed.report.state], [[], 'failed']);
    assert.deepEqual(failed.report.failure?.reasons, [{ node: 'b', code: 'broken', reason: 'b is broken' }]);
    const refused = await runTwice(once, { troubles: [{ node: 'b', call: 'thing.once', kind: 'refused' }] });
    assert.deepEqual([made(refused.fabric), refused.report.state], [['go b 2'], 'done']);
    // Soon enough the node still knows what became of it: the same try is never done twice.
    const unknown = await runTwice(once, { troubles: [{ node: 'b', call: 'thing.once', kind: 'no-response' }] });
    assert.deepEqual([made(unknown.fabric), unknown.report.state], [['go b 1'], 'done']);
  });

  test('does not guess about an unrepeatable call once the node may have forgotten it', async () => {
    const once = playbookText('  - {id: go, call: thing.once, on: all}');
    const hourAgo = (journal: readonly JournalEntry[]) =>
      journal.map((entry) => ({ ...entry, at: entry.at - 3_600_000 }));
    const troubles = [{ node: 'b', call: 'thing.once', kind: 'no-response' }] as const;
    const { fabric, report } = await runTwice(once, { troubles }, {}, hourAgo);
    assert.deepEqual(made(fabric), []);
    assert.deepEqual(
      report.failure?.reasons.map(({ node, code }) => [node, code]),
      [['b', 'not-known']],
    );
    assert.deepEqual(report.steps[0]?.ok, ['a', 'c']);
    const message = report.failure?.reasons[0]?.reason ?? '';
    assert.match(
      message,
      /^whether it completed is not known: it was called at 2025-12-31T23:00:00\.\d{3}Z, and thing#once must not/,
    );
  });

  test('queries the result of an unrepeatable call, and never tries it again if it failed', async () => {
    const once = playbookText('  - {id: go, call: thing.once, on: all}');
    const { fabric, report } = await runTwice(
      once,
      { troubles: [{ node: 'b', call: 'thing.once', kind: 'no-response' }] },
      { troubles: [{ node: 'b', call: 'thing.once', kind: 'failed' }] },
    );
    assert.deepEqual([made(fabric), report.state], [['go b 1'], 'failed']);
  });
});

describe('a run that resumes after failures', () => {
  test('repeats no call in a step that was done with allowed failures', async () => {
    const text = playbookText(`  - {id: first, call: thing.change, on: all, with: {to: x}, max_failures: 2}
  - {id: last, call: thing.change, on: "\${{ ['c'] }}", with: {to: y}}`);
    const late = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const { fabric, report } = await runTwice(text, {
      nodes: [...nodes.slice(0, 2), late],
      troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }],
    });
    assert.deepEqual([made(fabric), report.state], [['last c 2'], 'done']);
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node, code }) => [node, code]),
      [['b', 'broken']],
    );
  });

  test('repeats what a step for failures has undone', async () => {
    const text = playbookText(
      `  - {id: first, call: thing.change, on: all, with: {to: x}}
  - {id: second, call: thing.change, on: "\${{ ['c'] }}", with: {to: y}}`,
      `on_failure:
  - {call: thing.change, on: "\${{ ['a', 'b'] }}", with: {to: old}}
  - {call: thing.look, on: all}`,
    );
    const broken = [{ ...(nodes[2] as FabricNode) }];
    broken[0] = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const { fabric, report } = await runTwice(text, { nodes: [...nodes.slice(0, 2), ...broken] });
    assert.equal(report.state, 'done');
    assert.deepEqual(made(fabric), ['first a,b 2', 'second c 2']);
  });

  test('undoes again if it fails again: nothing that was done after the first failure counts', async () => {
    const text = playbookText(
      `  - {id: first, call: thing.change, on: all, with: {to: x}}
  - {id: last, call: thing.change, on: "\${{ ['c'] }}", with: {to: y}}`,
      `on_failure:
  - {id: undo, call: thing.change, on: "\${{ ['a'] }}", with: {to: old}}`,
    );
    const broken = { ...(nodes[2] as FabricNode), actions: { 'thing.change': failWhen('y') } };
    const estate = { nodes: [...nodes.slice(0, 2), broken] };
    const { before, fabric } = await runTwice(text, estate, estate);
    const undoing = ({ calls }: Fabric) => calls.filter(({ input }) => input.to === 'old');
    assert.deepEqual([undoing(before).length, undoing(fabric).map(({ try: number }) => number)], [1, [1]]);
    assert.notEqual(undoing(fabric)[0]?.requestId, undoing(before)[0]?.requestId);
  });
});
