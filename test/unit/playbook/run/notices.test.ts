// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { angeliaDdl } from '../../../../src/agents/angelia/ddl.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { paintRun } from '../../../../src/client/render/run/run-colors.ts';
import type { RunReport } from '../../../../src/playbook/events/events.ts';
import { formatEnd } from '../../../../src/playbook/events/format.ts';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import { bindInputs } from '../../../../src/playbook/inputs/inputs.ts';
import { readHistory, resumeFrom } from '../../../../src/playbook/journal/history.ts';
import type { InterruptionNotice, PlaybookPorts } from '../../../../src/playbook/ports.ts';
import { runPlaybook } from '../../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../../src/playbook/run/start-context.ts';
import { createFabric, type FabricNode, type FabricOptions } from '../../../support/fleet/fabric.ts';
import { labDdl, playbookText } from '../../../support/fleet/playbook.ts';

const nodes: FabricNode[] = [
  { name: 'web1', agents: ['thing'] },
  { name: 'notify1', agents: ['angelia'] },
  { name: 'notify2', agents: ['angelia'] },
];
const steps = '  - {id: go, call: thing.change, on: all, with: {to: b}}\n  - {id: more, call: thing.look, on: all}';
const usual = 'notify: {to: "webhook:ops", success: "it is done"}';

interface Order {
  readonly fabric?: FabricOptions;
  readonly options?: RunOptions;
  readonly ports?: Partial<PlaybookPorts>;
  readonly notify?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** Runs a playbook that notifies; `messages` are those that nodes were to send, in order. */
async function run({ fabric: faults = {}, options = {}, ports = {}, notify = usual, inputs = {} }: Order) {
  const fabric = createFabric(nodes, faults);
  const text = playbookText(steps, notify);
  const playbook = await loadPlaybook({ text, name: 'test.yaml' }, [labDdl, angeliaDdl]);
  const report = await runPlaybook(playbook, bindInputs(playbook, inputs), { ...fabric.ports, ...ports }, options);
  const messages = fabric.calls.flatMap(({ agent, input }) => (agent === 'angelia' ? [String(input.message)] : []));
  return { fabric, report, messages };
}

describe('who is notified of a run', () => {
  const broken = { troubles: [{ node: 'web1', call: 'thing.change', kind: 'failed' }] } as const;
  const stop = () => {
    const control = new AbortController();
    return { fabric: { onCall: () => control.abort('Ctrl-C') }, options: { signal: control.signal } };
  };
  const cases: readonly (readonly [string, Order, string, readonly RegExp[]])[] = [
    ['a success', {}, 'done', [/^it is done$/]],
    ['a failure', { fabric: broken }, 'failed', [/web1 is broken/]],
    ['an interruption', stop(), 'interrupted', [/Ctrl-C/]],
    ['a dry run', { options: { dryRun: true } }, 'done', []],
    ['a dry run that fails', { fabric: broken, options: { dryRun: true } }, 'failed', []],
    ['a run that its operator declined', { ports: { agree: async () => false } }, 'interrupted', []],
    ['a start, if that is wanted', { options: { notifyStart: true } }, 'done', [/^rip started test/, /^it is done$/]],
    [
      'nobody, if a condition says so',
      { notify: 'notify: {to: "webhook:ops", if: "false"}', fabric: broken },
      'failed',
      [],
    ],
  ];
  for (const [what, order, state, expected] of cases) {
    test(`${what}: ${expected.length === 0 ? 'nobody' : `${expected.length} in all`}`, async () => {
      const { fabric, report } = await run(order);
      assert.equal(report.state, state);
      // A dry run asks what would be sent, and sends nothing.
      const sent = fabric.calls.flatMap(({ agent, dryRun, input }) =>
        agent === 'angelia' && !dryRun ? [String(input.message)] : [],
      );
      const failures = fabric.calls.filter(({ step }) => step === 'notify_failure').length;
      if (order.options?.dryRun === true) assert.equal(failures, 0, 'not even as a dry run');
      assert.equal(sent.length, expected.length, sent.join('\n---\n'));
      for (const [index, pattern] of expected.entries()) assert.match(sent[index] ?? '', pattern);
    });
  }

  test('a success that no node sends stays one: nothing is undone, and its last lines say it', async () => {
    const troubles = ['notify1', 'notify2'].map((node) => ({ node, call: 'angelia.sendmsg', kind: 'failed' as const }));
    const notify = `${usual}\non_failure:\n  - {id: undo, call: thing.change, on: all, with: {to: a}}`;
    const { fabric, report } = await run({ notify, fabric: { troubles } });
    assert.deepEqual([report.state, report.failure], ['done', undefined]);
    assert.ok(!fabric.calls.some(({ step }) => step === 'undo'));
    const lines = formatEnd(report).join('\n');
    assert.match(lines, /\nnobody was notified: notify1: notify1 is broken; notify2: notify2 is broken/);
    const dry = await run({ notify, fabric: { troubles }, options: { dryRun: true } });
    assert.equal(dry.report.state, 'failed', 'a dry run finds it out before');
  });

  test('is warned in yellow that nobody was notified, and not of a message of the playbook itself that may fail', async () => {
    const troubles = ['notify1', 'notify2'].map((node) => ({ node, call: 'angelia.sendmsg', kind: 'failed' as const }));
    const painted = (report: RunReport) =>
      paintRun({ type: 'run-finished', report }, formatEnd(report), (color, line) => `${color}: ${line}`).join('\n');
    const { report } = await run({ fabric: { troubles } });
    assert.match(painted(report), /^green: Finished .*\nyellow: nobody was notified: /);
    const own =
      '  - {id: own, call: angelia.sendmsg, on: all, fail_ok: true, with: {recipient: "webhook:ops", message: x}}';
    const text = playbookText(own, '').replace('agents: [thing]', 'agents: [angelia]');
    const fabric = createFabric(nodes, { troubles });
    const playbook = await loadPlaybook({ text, name: 'test.yaml' }, [labDdl, angeliaDdl]);
    const ended = await runPlaybook(playbook, bindInputs(playbook, {}), fabric.ports);
    assert.equal(ended.state, 'done');
    assert.ok(fabric.calls.some(({ agent }) => agent === 'angelia'));
    assert.doesNotMatch(painted(ended), /nobody was notified/);
  });

  test('is notified by the next node if the first one does not send', async () => {
    const silent = { node: 'notify1', call: 'angelia.sendmsg', kind: 'no-response' } as const;
    const { fabric, report } = await run({ fabric: { troubles: [...broken.troubles, silent] } });
    assert.equal(report.state, 'failed');
    const asked = fabric.calls.filter(({ agent }) => agent === 'angelia').map((call) => call.nodes.join());
    assert.deepEqual(asked, ['notify1', 'notify2']);
  });

  for (const code of ['journal-failed', 'journal-not-stored'] as const) {
    test(`is notified of a failure that no journal can record any more (${code})`, async () => {
      let isFull = false;
      const onJournal = ({ type }: { readonly type: string }) => {
        isFull ||= type === 'outcome';
        if (isFull) throw new Problem(code, 'the disk is full');
      };
      const { report, messages } = await run({ fabric: { onJournal } });
      assert.equal(report.state, 'failed');
      assert.equal(messages.length, 1);
      assert.match(messages[0] ?? '', /the disk is full/);
    });
  }

  test('is not notified of the start again when a run resumes', async () => {
    const first = await run({ fabric: broken, options: { notifyStart: true } });
    assert.equal(first.messages.filter((message) => /started/.test(message)).length, 1);
    const resumed = resumeFrom(readHistory(first.fabric.journal));
    const second = await run({ options: { notifyStart: true, resumed } });
    assert.deepEqual(second.messages, ['it is done']);
  });

  test('is not notified once the run is to end at once', async () => {
    const [stopped, killed] = [new AbortController(), new AbortController()];
    const options = { signal: stopped.signal, kill: killed.signal };
    const { messages } = await run({
      options,
      fabric: {
        onCall: ({ agent }) => {
          if (agent !== 'thing') return;
          stopped.abort('Ctrl-C');
          killed.abort('Ctrl-C');
        },
      },
    });
    assert.deepEqual(messages, []);
  });
});

describe('a notice that a node keeps in case the client is killed', () => {
  const keep = async (notify: string) => {
    const kept: InterruptionNotice[] = [];
    const keepNotice = async (notice: InterruptionNotice) => void kept.push(notice);
    await run({ notify, inputs: { token: 'hunter2' }, ports: { keepNotice } });
    return kept;
  };

  test('is stored once, before the first change, with how to continue', async () => {
    const order: string[] = [];
    const kept: InterruptionNotice[] = [];
    await run({
      ports: {
        keepNotice: async (notice) => {
          order.push('kept');
          kept.push(notice);
        },
      },
      fabric: { onCall: ({ step }) => void order.push(step) },
    });
    assert.deepEqual(order.slice(0, 2), ['kept', 'go']);
    assert.equal(kept.length, 1);
    assert.deepEqual(kept[0]?.nodes, ['notify1', 'notify2']);
    const text = kept[0]?.message() ?? '';
    assert.match(text, /^run [0-9a-f]{32} by rip\nInterrupted: test: its client no longer responds\n/);
    assert.match(text, /\nto continue: mco-deploy resume [0-9a-f]{32}$/);
  });

  test('is not stored if it would contain a secret, or if nobody is to be notified', async () => {
    const secret = 'inputs: {token: {sensitive: true}}\n';
    for (const [notify, expected] of [
      [usual, 1],
      ['notify: {to: "webhook:ops", subject: "x hunter2 x"}', 0],
      ['notify: {to: "webhook:hunter2"}', 0],
      ['notify: {to: "webhook:ops", if: "false"}', 0],
      ['', 0],
    ] as const) {
      const kept = await keep(`${secret}${notify}`);
      assert.equal(kept.length, expected, notify);
    }
  });
});
