import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readChangeRequest } from '../../../../../src/agents/haproxy/actions/change-request.ts';
import { stayOut } from '../../../../../src/agents/haproxy/actions/stay-out.ts';
import { trackChanges } from '../../../../../src/agents/haproxy/actions/undo.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const { signal } = new AbortController();

/** A host that was just taken out, with an agent-check that is off. `atLook` is called before each look, from 1. */
async function out(atLook: (look: number) => void = () => {}, agent: { agent?: 'up' } = { agent: 'up' }) {
  const fake = fakeHaproxy({ app: [{ name: 'web1', ip: '10.0.0.1', admin: 1, agentEnabled: false, ...agent }] });
  const request = await readChangeRequest(await fakeBalancer([fake]), { server: 'web1' }, actionContext());
  fake.asked.length = 0;
  let looks = 0;
  fake.onCommand = (command) => command === 'show stat app 6 -1' && atLook(++looks);
  const stay = () => stayOut(trackChanges(), request, 1, signal);
  return { fake, web1: fake.server('app/web1'), stay, looks: () => looks };
}

describe('a host that was disabled', () => {
  test('is checked once, or twice if there is an agent-check', async () => {
    for (const [agent, expected] of [
      [{}, 1],
      [{ agent: 'up' }, 2],
    ] as const) {
      const { fake, stay, looks } = await out(undefined, agent);
      const { processes, views } = await stay();
      assert.deepEqual([looks(), fake.changes(), Object.keys(processes)], [expected, [], [fake.name]]);
      assert.equal(views[0]?.servers[0]?.status, 'MAINT');
    }
  });

  test('is disabled again if it is in, with its agent-check off first if that is on', async () => {
    const maint = 'set server app/web1 state maint';
    for (const [admin, agentEnabled, commands] of [
      [0, false, [maint]],
      [0, true, ['disable agent app/web1', maint]],
      [1, true, ['disable agent app/web1', maint]],
    ] as const)
      for (const atLook of [1, 2]) {
        const { fake, web1, stay, looks } = await out((look) => look === atLook && Object.assign(web1, changed));
        const changed = { admin, agentEnabled };
        await stay();
        assert.deepEqual(fake.changes(), commands, `at look ${atLook}`);
        assert.equal(looks(), atLook + 2, 'and looked at from the start');
      }
  });

  test('is reported as a failure if it is enabled a second time, at either check', async () => {
    for (const [looksWhereIn, expected] of [
      [[1, 2], 2],
      [[2, 4], 4],
      [[2, 3], 3],
    ] as const) {
      const { fake, web1, stay, looks } = await out((look) => {
        if ((looksWhereIn as readonly number[]).includes(look)) web1.admin = 0;
      });
      await assert.rejects(stay(), {
        code: 'not-in-maintenance',
        message: /^web1 does not stay out: app\/web1 at \/run\/fake\.sock is .*by a command to HAProxy/,
      });
      assert.deepEqual([looks(), fake.changes().length], [expected, 1]);
    }
  });

  test('is reported as enabled by reloads if each look finds another process', async () => {
    const { fake, web1, stay } = await out(() => {
      fake.info.pid++;
      web1.admin = 0;
    });
    await assert.rejects(stay(), { code: 'not-in-maintenance', message: /HAProxy was reloaded or restarted/ });
  });

  test('is reported with what HAProxy refused if it cannot be disabled again', async () => {
    for (const [refused, atLook] of [
      ['disable agent app/web1', 1],
      ['disable agent app/web1', 2],
      ['set server app/web1 state maint', 1],
      ['set server app/web1 state maint', 2],
    ] as const) {
      const { fake, web1, stay } = await out((look) => look === atLook && Object.assign(web1, { agentEnabled: true }));
      const look = fake.onCommand;
      fake.onCommand = (command) => {
        if (command === refused) throw new Error('connection lost');
        return look(command);
      };
      await assert.rejects(stay(), { message: 'connection lost' }, `${refused}, look ${atLook}`);
    }
  });
});
