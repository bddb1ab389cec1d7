import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServedEvent } from '../../../src/core/audit/record.ts';
import { type DaemonState, defineNodeView } from '../../../src/daemon/node-view.ts';
import type { OpenNode } from '../../../src/daemon/open-node.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

function view() {
  const appended: unknown[] = [];
  const node = {
    config: { clock_grace: 7, state: temporaryDirectory(), audit: { file: 'audit.jsonl' }, file: 'node.yaml' },
    counters: { values: () => ({ calls: 3 }) },
    audit: { append: async (...of: unknown[]) => appended.push(of) },
    policies: {},
    keys: {},
  } as unknown as OpenNode;
  const none = { ...probeAgent.ddl, name: 'none', actions: {} };
  const state: DaemonState = {
    ...{ version: '0.1.0', startedAt: 5, agents: () => [probeAgent, { ...probeAgent, ddl: none }] },
    ...{ warnings: () => ['a warning'], heard: () => [], reload: async () => {} },
  };
  return { ...defineNodeView(node, state), appended };
}

describe('a node as its agents see it', () => {
  test('has the difference of clocks in milliseconds, and the longest time of each agent’s actions', async () => {
    const { clockGrace, info } = view();
    assert.equal(clockGrace, 7000);
    const { agents, counters, warnings, startedAt } = await info();
    assert.deepEqual(
      agents.map(({ name, timeout }) => [name, timeout]),
      [
        ['probe', 30],
        ['none', 0],
      ],
    );
    assert.deepEqual([counters, warnings, startedAt], [{ calls: 3 }, ['a warning'], 5]);
  });

  test('records what it sent to another node, without a wait for the disk', async () => {
    const { audit, appended } = view();
    await audit.served({ peer: 'dev3.devco.net' } as ServedEvent);
    assert.deepEqual(appended, [[{ kind: 'served', peer: 'dev3.devco.net' }, false]]);
  });
});
