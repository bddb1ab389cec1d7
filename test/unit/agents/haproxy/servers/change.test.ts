import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { readAgreedViews } from '../../../../../src/agents/haproxy/servers/agreed-views.ts';
import { type BackendView, readViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import * as changes from '../../../../../src/agents/haproxy/servers/change.ts';
import type { ServerLine } from '../../../../../src/agents/haproxy/servers/line.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';
import { mockDelays, someTurns } from '../../../../support/mock-delays.ts';

const { signal } = new AbortController();

describe('a change of a server', () => {
  const answering = (answer: string) => {
    const asked: string[] = [];
    const runtime: Runtime = { name: '/run/a.sock', ask: async (command) => (asked.push(command) > 0 ? answer : '') };
    const line: ServerLine = { view: { ...backendView('app', []), runtime }, server: server('web1') };
    return { asked, line };
  };
  const each: [string, (line: ServerLine) => Promise<void>][] = [
    ['set server app/web1 state maint', (line) => changes.setState(line, 'maint', signal)],
    ['set server app/web1 weight 50%', (line) => changes.setWeight(line, '50%', signal)],
    ['set server app/web1 health up', (line) => changes.raiseHealth(line, signal)],
    ['set server app/web1 state drain; set server app/web1 health down', (line) => changes.setChecking(line, signal)],
    ['enable agent app/web1', (line) => changes.setAgentCheck(line, true, signal)],
    ['disable agent app/web1', (line) => changes.setAgentCheck(line, false, signal)],
    ['set server app/web1 agent down', (line) => changes.forceAgent(line, 'down', signal)],
    ['shutdown sessions server app/web1', (line) => changes.shutdownSessions(line, signal)],
  ];
  for (const [command, make] of each) {
    test(`is “${command}”, and any reply of HAProxy is a refusal`, async () => {
      const { asked, line } = answering('');
      await make(line);
      assert.deepEqual(asked, [command]);
      await assert.rejects(make(answering('No such server.\nmore').line), {
        code: 'haproxy-refused',
        message: `HAProxy at /run/a.sock refused “${command}”: No such server.`,
      });
    });
  }
});

describe('a reading that decides something', () => {
  const read = async (oddLooks: number, odd: 'status' | 'count' = 'count') => {
    const fake = fakeHaproxy({ app: [{ name: 'web1' }, { name: 'web2' }] });
    let looks = 0;
    const changing: Runtime = {
      name: fake.name,
      ask: async (command, given) => {
        const answer = await fake.ask(command, given);
        if (!command.startsWith('show stat') || ++looks > oddLooks) return answer;
        return odd === 'status'
          ? answer.replace('no check', 'SLEEPING')
          : answer.replace(/(BACKEND.*?),2,0,/, '$1,1,0,');
      },
    };
    const found = await readAgreedViews([changing], (views) => ({ views, more: 'kept' }), signal);
    return { looks, found };
  };

  test('is repeated only after a pause: the two answers come from different moments', async () => {
    using clock = mockDelays();
    const fake = fakeHaproxy({ app: [{ name: 'web1' }] });
    let looks = 0;
    const changing: Runtime = {
      name: fake.name,
      ask: async (command, given) => {
        const answer = await fake.ask(command, given);
        if (!command.startsWith('show stat') || ++looks > 1) return answer;
        return answer.replace(/(BACKEND.*?),1,0,/, '$1,0,0,');
      },
    };
    const reading = readAgreedViews([changing], (views) => ({ views }), signal);
    await someTurns();
    await clock.pass(39);
    assert.equal(looks, 1);
    await clock.pass(1);
    await reading;
    assert.equal(looks, 2);
  });

  test('is repeated if HAProxy’s own count disagrees, up to three times', async () => {
    const once = await read(0);
    assert.deepEqual([once.looks, once.found.more], [1, 'kept']);
    assert.equal((await read(3)).looks, 4);
    await assert.rejects(read(4), { code: 'haproxy-disagrees' });
    await assert.rejects(read(4, 'status'), { code: 'haproxy-unknown-state' });
  });

  test('covers only the backends that the change concerns', async () => {
    const fake = fakeHaproxy({ app: [{ name: 'web1' }], strange: [{ name: 'x', admin: 0x80 }] });
    const app = (views: readonly BackendView[]) => ({ views: views.filter(({ backend }) => backend === 'app') });
    assert.equal((await readAgreedViews([fake], app, signal)).views.length, 1);
    assert.equal((await readViews([fake], signal)).length, 2);
  });
});
