import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HeardNode } from '../../../src/core/ports.ts';
import type { DescribeRequest } from '../../../src/core/wire/messages.ts';
import { type Describable, describeNode } from '../../../src/daemon/describe.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';

const now = Date.UTC(2026, 10, 29);
const self = { name: 'dev2.devco.net', agents: ['probe'], classes: ['web'], facts: { a: 1, os: { name: 'debian' } } };
const heard = (name: string, ...hosts: string[]): HeardNode => ({
  ...{ name, lastHeard: 7, facts: { rack: 3 }, agents: ['probe'], classes: ['db'] },
  addresses: hosts.map((host, index) => ({ host, port: 5810 + index })),
});

const never = () => assert.fail('nobody asked for the other nodes');

/** The description of that node, as this request asks for it. */
function ask(request: Partial<DescribeRequest>, changes: Partial<Describable> = {}) {
  const node: Describable = {
    ...{ self, version: '0.1.0', agents: [probeAgent], published: ['a'], peers: () => [] },
    ...{ warnings: [], incomplete: [], duplicates: [], ...changes },
  };
  return describeNode({ filter: null, facts: [], full: false, peers: false, ...request }, node, now);
}

describe('the description that a node gives of itself', () => {
  test('has the published facts, those that are asked for, or all of them', () => {
    const facts = (...names: string[]) => JSON.parse(ask({ facts: names }).facts.toString());
    assert.deepEqual(facts(), { a: 1 });
    assert.deepEqual(facts('os.name', 'none'), { a: 1, 'os.name': 'debian' });
    assert.deepEqual(facts('os.name', '*'), self.facts);
  });

  test('is refused to a question for more than 1000 facts', () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`);
    assert.equal(ask({ facts: names(1000) }).identity, self.name);
    assert.throws(() => ask({ facts: names(1001) }), {
      code: 'bad-filter',
      message: 'more than 1000 facts were requested',
    });
  });

  test('has the descriptions of its agents and the nodes that it hears only if they are asked for', () => {
    const peers = [heard('dev3.devco.net', '10.0.0.3')];
    const [short, whole] = [ask({}, { peers: never }), ask({ full: true, peers: true }, { peers: () => peers })];
    assert.deepEqual([short.agents[0]?.ddl.length, short.peers], [0, []]);
    assert.equal(JSON.parse(whole.agents[0]?.ddl.toString() ?? '').name, 'probe');
    const claims = { facts: ['rack=3'], agents: ['probe'], classes: ['db'] };
    assert.deepEqual(whole.peers, [
      { identity: 'dev3.devco.net', address: '10.0.0.3', port: 5810, lastHeard: 7, ...claims },
    ]);
  });

  test('names another node with an address that is valid on other hosts, or with none', () => {
    const peers = [heard('one', 'fe80::1%eth0', '10.0.0.3'), heard('two', 'fe80::2%eth0')];
    assert.deepEqual(
      ask({ peers: true }, { peers: () => peers }).peers.map(({ address, port }) => [address, port]),
      [
        ['10.0.0.3', 5811],
        ['', 0],
      ],
    );
  });

  test('has at most 5000 other nodes and 1000 names of missing facts', () => {
    const [one, name] = [heard('one', '10.0.0.3'), 'rack'];
    const changes = { peers: () => Array(5001).fill(one), incomplete: Array(1001).fill(name) };
    const { peers, incomplete } = ask({ peers: true }, changes);
    assert.deepEqual([peers.length, incomplete.length], [5000, 1000]);
  });
});
