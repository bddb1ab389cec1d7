import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readViews } from '../../../../../../src/agents/haproxy/servers/backend.ts';
import { linesOf } from '../../../../../../src/agents/haproxy/servers/line.ts';
import { endSessions, waitForSessions } from '../../../../../../src/agents/haproxy/servers/sessions.ts';
import { actionContext } from '../../../../../support/agents/agent-setup.ts';
import { fakeHaproxy } from '../../../../../support/agents/haproxy/fake-haproxy.ts';

/** dev1 has two lines; `sessions` of each line. */
async function leaving(sessions: Readonly<Record<string, number>>) {
  const fake = fakeHaproxy({
    app: [
      { name: 'web1', sessions: sessions.web1 ?? 0 },
      { name: 'web2', sessions: sessions.web2 ?? 0 },
      { name: 'other', sessions: 9 },
    ],
    static: [{ name: 's1', sessions: sessions.s1 ?? 0 }],
  });
  const all = linesOf(await readViews([fake], new AbortController().signal));
  fake.asked.length = 0;
  const lines = (...names: string[]) => all.filter(({ server }) => names.includes(server.name));
  const hosts = [
    { shown: 'dev1', lines: lines('web1', 's1') },
    { shown: 'dev2', lines: lines('web2') },
  ];
  return { fake, hosts, context: actionContext() };
}

describe('waiting for sessions to end', () => {
  test('ends at once if the hosts have none, and prints nothing: sessions of others do not count', async () => {
    const { hosts, context } = await leaving({});
    await waitForSessions(hosts, 60, context);
    assert.deepEqual(context.said, []);
  });

  test('reports each host with the sessions of all its lines, and ends once they are gone', async () => {
    const { fake, hosts, context } = await leaving({ web1: 2, s1: 1, web2: 1 });
    let looks = 0;
    fake.onCommand = (command) => {
      if (command !== 'show stat app 6 -1' || ++looks < 3) return;
      for (const name of ['app/web1', 'app/web2', 'static/s1']) fake.server(name).sessions = 0;
    };
    await waitForSessions(hosts, 60, context);
    assert.deepEqual(context.said, ['waiting for sessions to end: dev1: 3 sessions, dev2: 1 session']);
    assert.equal(looks, 3);
  });

  test('reports the remaining sessions after the deadline, and then prints nothing about waiting', async () => {
    const { hosts, context } = await leaving({ web2: 1 });
    await waitForSessions(hosts, 0, context);
    assert.deepEqual(context.said, ['sessions left after 0 s: dev2: 1 session']);
  });

  test('ends when the call is cancelled', async () => {
    const { fake, hosts } = await leaving({ web2: 1 });
    const stop = new AbortController();
    fake.onCommand = (command) => command === 'show servers state app' && setImmediate(() => stop.abort());
    await assert.rejects(waitForSessions(hosts, 60, actionContext({ signal: stop.signal })), { code: 'cancelled' });
  });
});

describe('ending sessions by force', () => {
  test('asks HAProxy to end only those of the lines that have any, and returns how many', async () => {
    const { fake, hosts, context } = await leaving({ web1: 2, web2: 3 });
    assert.equal(await endSessions(hosts, context), 5);
    assert.deepEqual(fake.changes().sort(), ['shutdown sessions server app/web1', 'shutdown sessions server app/web2']);
    assert.deepEqual(context.said, ['ending what is left: dev1: 2 sessions, dev2: 3 sessions']);
    assert.equal(fake.server('app/other').sessions, 9);
  });

  test('changes nothing if there are none', async () => {
    const { fake, hosts, context } = await leaving({});
    assert.equal(await endSessions(hosts, context), 0);
    assert.deepEqual([fake.changes(), context.said], [[], []]);
  });

  test('waits until they are gone', async () => {
    const { fake, hosts, context } = await leaving({ web2: 1 });
    fake.server('app/web2').stubborn = true;
    let looks = 0;
    fake.onCommand = (command) => {
      if (command === 'show stat app 6 -1' && ++looks === 4) fake.server('app/web2').sessions = 0;
    };
    await endSessions(hosts, context);
    assert.equal(looks, 4);
    assert.equal(context.said.at(-1), 'waiting for sessions to end: dev2: 1 session');
  });
});
