import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actionOf, type Ddl } from '../../../../src/core/ddl/ddl.ts';
import type { FoundNode } from '../../../../src/discovery/findings.ts';
import { checkInput, findDdl, learnDdl, requireAction, requireDdl } from '../../../../src/library/fleet/agents.ts';
import { labDdl } from '../../../support/fleet/playbook.ts';

const other: Ddl = { ...labDdl, name: 'rpcutil', aliases: [] };
const catalogue = [other, labDdl];

describe('an agent that is built in', () => {
  test('is found by its name and its aliases', () => {
    for (const name of ['thing', 'otherthing']) assert.equal(requireDdl(catalogue, name), labDdl);
    assert.equal(findDdl(catalogue, 'rpcutil'), other);
    assert.equal(findDdl(catalogue, 'nothing'), undefined);
    const unknown = { code: 'unknown-agent', message: 'there is no agent “nothing”', hint: 'known: rpcutil, thing' };
    assert.throws(() => requireDdl(catalogue, 'nothing'), unknown);
  });

  test('has the actions of its description, and a dry run only where one can be made', () => {
    for (const [action, dryRun] of [
      ['look', false],
      ['look', true],
      ['change', true],
      ['blind', false],
    ] as const) {
      assert.equal(requireAction(labDdl, action, dryRun), actionOf(labDdl, action));
    }
    const none = { code: 'usage', message: 'the agent thing has no action “lok”', hint: 'did you mean “look”?' };
    assert.throws(() => requireAction(labDdl, 'lok', false), none);
    assert.throws(() => requireAction(labDdl, 'blind', true), {
      code: 'usage',
      message: 'thing.blind cannot show what it would change',
    });
  });

  test('refuses an input before any node is called, names it, and changes nothing in it', () => {
    const change = requireAction(labDdl, 'change', false);
    const input = { to: 'b' };
    checkInput(labDdl, 'change', change, input);
    assert.deepEqual(input, { to: 'b' });
    const refused = (given: object, message: RegExp) =>
      assert.throws(() => checkInput(labDdl, 'change', change, { ...given }), { code: 'invalid-input', message });
    refused({ to: 'NO' }, /^thing\.change: to /);
    refused({ to: 'b', count: -1 }, /^thing\.change: count /);
    refused({}, /^thing\.change: /);
  });
});

describe('an agent that only the nodes know', () => {
  /** A node whose agents are described by these texts. */
  const node = (name: string, agents: Readonly<Record<string, object | undefined>>) => {
    const described = Object.entries(agents).map(([agent, ddl]) => ({
      name: agent,
      ddl: Buffer.from(ddl === undefined ? '' : JSON.stringify(ddl)),
    }));
    return { name, description: { agents: described } } as unknown as FoundNode;
  };
  const { aliases: _, ...thing } = labDdl;
  const learn = (nodes: readonly FoundNode[], agent = 'thing') => {
    const warnings: string[] = [];
    return { learn: () => learnDdl(agent, nodes, [other], { warn: (line) => warnings.push(line) }), warnings };
  };

  test('is described by the nodes that run it', () => {
    const { learn: run, warnings } = learn([node('web1', { other: {} }), node('web2', { other: {}, thing })]);
    assert.deepEqual([run().name, Object.keys(run().actions)], ['thing', ['look', 'change', 'blind', 'once']]);
    assert.deepEqual(warnings, []);
  });

  test('is what most of them say, wherever the others come, with a warning that names the others', () => {
    const changed = { ...thing, version: '9' };
    const nodes = [node('odd', { thing: changed }), node('web1', { thing }), node('web2', { thing })];
    for (const order of [nodes, nodes.toReversed()]) {
      const { learn: run, warnings } = learn(order);
      assert.equal(run().version, '0.1.0');
      assert.deepEqual(warnings, ['odd describe thing differently from 2 other nodes']);
    }
    const control = [node('a\u001b[2J', { thing: changed }), node('web1', { thing }), node('web2', { thing })];
    const { learn: run, warnings } = learn(control);
    run();
    assert.deepEqual(warnings, ['a\\x1b[2J describe thing differently from 2 other nodes']);
  });

  test('does not exist if no node describes it; a name that is near is suggested', () => {
    const unknown = { code: 'unknown-agent', message: /no agent “thing”, neither here nor on a matching node/ };
    for (const nodes of [[], [node('web1', { thing: undefined })], [node('web1', { other: thing })]]) {
      assert.throws(learn(nodes).learn, { ...unknown, hint: 'its nodes may be unreachable: see “mco-deploy find -v”' });
    }
    assert.throws(learn([], 'rpcutils').learn, { code: 'unknown-agent', hint: 'did you mean “rpcutil”?' });
  });

  test('is refused if its description is that of another agent, or is none', () => {
    const foreign = learn([node('web1', { thing: { ...thing, name: 'else' } })]).learn;
    assert.throws(foreign, { code: 'bad-ddl', message: 'web1 describes an agent other than thing' });
    assert.throws(learn([node('web1', { thing: { name: 'thing' } })]).learn, {
      code: 'bad-ddl',
      message: /thing on web1/,
    });
  });
});
