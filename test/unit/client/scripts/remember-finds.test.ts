import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetOptions } from '../../../../src/client/cli/target-options.ts';
import type { Session } from '../../../../src/client/fleet/session.ts';
import { rememberFinds } from '../../../../src/client/scripts/remember-finds.ts';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import type { Findings } from '../../../../src/discovery/directory.ts';

/** Nodes as a session finds them, as far as this looks at them. */
const nodeOf = (name: string, agents: readonly string[]) =>
  ({ name, description: { agents: agents.map((agent) => ({ name: agent })) } }) as unknown as Findings['nodes'][number];

function startCounting() {
  const asked: string[] = [];
  const find = async ({ filter }: TargetOptions) => {
    asked.push(JSON.stringify(filter));
    const nodes = [nodeOf('web1', ['rpcutil', 'appmgr']), nodeOf('web2', ['rpcutil'])];
    return { nodes, unmatched: 0, broken: [], silent: [] } as unknown as Findings;
  };
  return { asked, session: rememberFinds({ find } as unknown as Session) };
}
const by = (filter: Partial<typeof noFilter>) => ({ filter: { ...noFilter, ...filter } }) as unknown as TargetOptions;
const namesOf = ({ nodes }: Findings) => nodes.map(({ name }) => name);

describe('a session that caches what it finds', () => {
  test('sends the same query once, even if it is requested twice at once', async () => {
    const { session, asked } = startCounting();
    const question = by({ agents: ['rpcutil'] });
    await Promise.all([session.find(question), session.find(question)]);
    assert.deepEqual(namesOf(await session.find(question)), ['web1', 'web2']);
    assert.equal(asked.length, 1);
  });

  test('sends no query for named nodes that were found', async () => {
    const { session, asked } = startCounting();
    await session.find(by({ agents: ['rpcutil'] }));
    const found = await session.find(by({ agents: ['rpcutil'], identities: ['web2'] }));
    assert.deepEqual([namesOf(found), asked.length], [['web2'], 1]);
  });

  for (const [name, filter] of [
    ['of which one was not found', { agents: ['rpcutil'], identities: ['web1', 'web9'] }],
    ['of which one lacks the agent', { agents: ['appmgr'], identities: ['web1', 'web2'] }],
    ['that have to run another agent, too', { agents: ['rpcutil', 'appmgr'], identities: ['web2'] }],
    ['that have to have a class, too', { agents: ['rpcutil'], identities: ['web1'], classes: ['a'] }],
    ['that have to match an expression, too', { agents: ['rpcutil'], identities: ['web1'], select: 'a' }],
    ['that have to have one of both, too', { agents: ['rpcutil'], identities: ['web1'], with: ['a'] }],
    ['that have to have a fact, too', { agents: ['rpcutil'], identities: ['web1'], facts: ['a=b'] }],
  ] as const) {
    test(`queries nodes ${name}`, async () => {
      const { session, asked } = startCounting();
      await session.find(by({ agents: ['rpcutil'] }));
      await session.find(by(filter as never));
      assert.equal(asked.length, 2);
    });
  }
});
