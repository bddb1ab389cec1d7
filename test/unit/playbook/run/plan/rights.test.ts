// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatEvent } from '../../../../../src/playbook/events/format.ts';
import { type Behaviour, createFabric, type FabricOptions } from '../../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../../support/fleet/playbook.ts';

type Answer = { allowed?: string[]; denied?: string[]; unknown?: string[] };

/** Two nodes, of which `b` answers so when it is asked for rights. */
function fabricWith(answer: (actions: string[]) => Answer, options: FabricOptions = {}) {
  const mayI: Behaviour = ({ actions }) => answer(String(actions).split(','));
  const nodes = [
    { name: 'a', agents: ['thing'] },
    { name: 'b', agents: ['thing'], actions: { 'rpcutil.may_i': mayI } },
  ];
  return createFabric(nodes, options);
}

async function dryRun(text: string, fabric: ReturnType<typeof createFabric>) {
  const report = await runText(text, fabric, {}, { dryRun: true });
  const rights = fabric.events.find((event) => event.type === 'rights-checked');
  return { report, rights, lines: fabric.events.flatMap((event) => formatEvent(event)) };
}

describe('the check of rights in a dry run', () => {
  const text = playbookText(
    '  - {id: look, call: thing.look, on: all}\n  - {id: go, call: thing.change, on: all, with: {to: x}}',
    'on_failure:\n  - {id: mend, call: thing.blind, on: all}',
  );

  test('covers everything that any step would call, including on_failure steps', async () => {
    const asked: string[][] = [];
    const fabric = fabricWith((actions) => {
      asked.push(actions);
      return { allowed: actions };
    });
    const { report, lines } = await dryRun(text, fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(asked, [['thing.blind', 'thing.change', 'thing.look']]);
    assert.equal(lines[0], '[test] rights: 2 nodes asked: you may call everything that the run needs');
  });

  test('fails if a node would refuse, naming node and action, before any step', async () => {
    const fabric = fabricWith((actions) => ({ allowed: actions.slice(2), denied: actions.slice(0, 2) }));
    const { report, lines } = await dryRun(text, fabric);
    assert.deepEqual(
      report.failure?.reasons.map(({ node, code, reason }) => [node, code, reason]),
      [
        ['b', 'policy-denied', 'you may not thing.blind there'],
        ['b', 'policy-denied', 'you may not thing.change there'],
      ],
    );
    assert.ok(fabric.calls.every(({ agent }) => agent === 'rpcutil'));
    assert.match(
      lines.join('\n'),
      /rights: 2 nodes asked: not all of it is allowed\n {2}b: you may not thing\.blind there/,
    );
  });

  test('fails if an agent is missing or a node is silent', async () => {
    const missing = await dryRun(
      text,
      fabricWith((actions) => ({ allowed: [], unknown: actions })),
    );
    assert.equal(missing.report.failure?.reasons[0]?.code, 'unknown-agent');
    const troubles = [{ node: 'b', call: 'rpcutil.may_i', kind: 'no-response' as const }];
    const silent = await dryRun(
      text,
      fabricWith((actions) => ({ allowed: actions }), { troubles }),
    );
    assert.equal(silent.report.failure?.reasons[0]?.code, 'no-response');
  });

  test('continues with a message if a node refuses the check or does not report a right', async () => {
    const troubles = [{ node: 'b', call: 'rpcutil.may_i', kind: 'refused' as const }];
    const refused = await dryRun(
      text,
      fabricWith((actions) => ({ allowed: actions }), { troubles }),
    );
    assert.equal(refused.report.state, 'done');
    assert.match(refused.lines.join('\n'), /b: your rights there cannot be checked/);
    const vague = await dryRun(
      text,
      fabricWith(() => ({ allowed: ['thing.look'] })),
    );
    assert.equal(vague.report.state, 'done');
    assert.match(vague.lines.join('\n'), /b: it did not report whether you may thing\.change there/);
  });

  test('warns, and does not fail, for rights that are needed only if an expression names the node', async () => {
    const steps =
      '  - {id: look, call: thing.look, on: all}\n  - {id: go, if: "false", call: thing.blind, on: "${{ nodes.all.names }}"}';
    const fabric = fabricWith((actions) => ({
      allowed: actions.filter((one) => one !== 'thing.blind'),
      denied: ['thing.blind'],
    }));
    const { report, rights } = await dryRun(playbookText(steps), fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(rights?.type === 'rights-checked' && [rights.denied.length, rights.unsure.length], [0, 1]);
  });

  test('is omitted in a real run', async () => {
    const fabric = fabricWith(() => ({ denied: ['thing.look'] }));
    await runText(text, fabric);
    assert.ok(fabric.calls.every(({ agent }) => agent !== 'rpcutil'));
  });
});
