import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startHaproxy } from '../../../../src/agents/haproxy/agent.ts';
import { defineChangeMutex } from '../../../../src/agents/haproxy/runtime/mutex.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';
import { fakeHaproxy } from '../../../support/agents/haproxy/fake-haproxy.ts';
import { listenAs } from '../../../support/agents/haproxy/listening-haproxy.ts';
import { mockDelays } from '../../../support/mock-delays.ts';

const settings = { servers: {}, ports: [], min_available: 0, drain_timeout: 0, enable_timeout: 60, settle: 0.001 };
const replaced = { replaced_timeout: 0, replaced_left: 'refuse' } as const;
const configOf = (sockets: string[]) => ({ ...settings, ...replaced, sockets, watch_interval: 3600, timeout: 30 });
const two = () =>
  fakeHaproxy({
    app: [
      { name: 'web1', ip: '10.0.0.1' },
      { name: 'web2', ip: '10.0.0.2' },
    ],
  });

/** The agent in front of one fake. */
async function started(changes: { min_available?: number } = {}) {
  const fake = two();
  const agent = await startHaproxy(agentSetup({ ...configOf([await listenAs(fake)]), ...changes }));
  const call = (action: string, input: object, context = actionContext()) => {
    const handler = agent.handlers[action] as (input: object, context: object) => Promise<Record<string, unknown>>;
    return handler(input, context);
  };
  return { fake, agent, call };
}

describe('the haproxy agent', () => {
  test('has an action for each read and change', async () => {
    const { fake, agent, call } = await started();
    assert.deepEqual((await call('disable', { server: 'web1' })).changed, ['web1']);
    assert.deepEqual((await call('status', {})).out, ['web1']);
    assert.deepEqual((await call('enable', { server: 'web1' })).changed, ['web1']);
    assert.equal(fake.server('app/web1').admin, 0);
    await call('weight', { server: 'web2', weight: '50%' });
    assert.ok(fake.changes().includes('set server app/web2 weight 50%'));
    assert.deepEqual((await call('list', {})).unknown, []);
    await agent.stop?.();
  });

  test('makes one change at a time: two together disable no more than either may', async () => {
    const { fake, agent, call } = await started({ min_available: 1 });
    const both = await Promise.allSettled(['web1', 'web2'].map((server) => call('disable', { server })));
    assert.deepEqual(
      both.map((one) => (one.status === 'rejected' ? one.reason.code : 'out')),
      ['out', 'too-few-servers'],
    );
    assert.deepEqual([fake.server('app/web1').admin, fake.server('app/web2').admin], [1, 0]);
    await agent.stop?.();
  });

  for (const [action, input] of [
    ['disable', { server: 'web2' }],
    ['enable', { server: 'web2' }],
    ['weight', { server: 'web2', weight: '50%' }],
  ] as const)
    test(`lets a change end before the next one looks at HAProxy: ${action}`, async () => {
      const { fake, agent, call } = await started();
      const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      fake.onCommand = (command) => {
        if (!command.startsWith('set server app/web1')) return undefined;
        begun.resolve();
        return held.promise;
      };
      const first = call('disable', { server: 'web1' });
      await begun.promise;
      const read = async (meanwhile: () => void) => {
        const { length } = fake.asked;
        meanwhile();
        await call('list', {});
        return fake.asked.slice(length);
      };
      // A read does not wait for its turn. Whatever another change may ask at once has been asked by the end of it.
      const alone = await read(() => {});
      let second: Promise<unknown> = Promise.resolve();
      assert.deepEqual(
        await read(() => {
          second = call(action, input);
        }),
        alone,
      );
      held.resolve();
      await Promise.all([first, second]);
      await agent.stop?.();
    });

  test('starts none of its changes for a call that was cancelled while it waited', async () => {
    const { fake, agent, call } = await started();
    const calling = new AbortController();
    const begun = Promise.withResolvers<void>();
    fake.onCommand = () => begun.resolve();
    const first = call('disable', { server: 'web1' });
    await begun.promise;
    const context = actionContext({ signal: calling.signal });
    const late = [
      call('disable', { server: 'web2' }, context),
      call('enable', { server: 'web2' }, context),
      call('weight', { server: 'web2', weight: '1' }, context),
    ];
    calling.abort();
    for (const one of late) await assert.rejects(one, { code: 'cancelled' });
    await first;
    assert.ok(fake.changes().every((command) => command.includes('app/web1')));
    await agent.stop?.();
  });
});

test('a change of the haproxy agent that was cancelled before its turn never begins, and the next one does', async () => {
  const inTurn = defineChangeMutex();
  const [held, begun] = [Promise.withResolvers<void>(), [] as string[]];
  const first = inTurn(() => held.promise, new AbortController().signal);
  const calling = new AbortController();
  const late = inTurn(async () => void begun.push('late'), calling.signal);
  const last = inTurn(async () => void begun.push('last'), new AbortController().signal);
  calling.abort();
  await assert.rejects(late, { code: 'cancelled' });
  held.resolve();
  await Promise.all([first, last]);
  assert.deepEqual(begun, ['last']);
});

test('the haproxy agent checks held hosts no more once it has stopped', async () => {
  using clock = mockDelays();
  const { fake, agent, call } = await started();
  await call('disable', { server: 'web1' });
  /** Whether it has asked for the process, as each check begins, by the time that another call has ended. */
  const checks = async () => {
    fake.asked.length = 0;
    await clock.pass(3_600_000);
    await call('list', {});
    return fake.asked.includes('show info');
  };
  assert.equal(await checks(), true);
  await agent.stop?.();
  assert.equal(await checks(), false);
});

test('the haproxy agent stops once the check in progress has ended', async () => {
  using clock = mockDelays();
  const { fake, agent, call } = await started();
  await call('disable', { server: 'web1' });
  const begun = Promise.withResolvers<void>();
  // It never answers.
  fake.onCommand = () => {
    begun.resolve();
    return Promise.withResolvers<void>().promise;
  };
  await clock.pass(3_600_000);
  await begun.promise;
  let stopped = false;
  const stopping = agent.stop?.().then(() => {
    stopped = true;
  });
  // The connection of the check ends only after all that is ready to run now.
  for (let step = 0; step < 20; step++) await Promise.resolve();
  assert.equal(stopped, false);
  await stopping;
});
