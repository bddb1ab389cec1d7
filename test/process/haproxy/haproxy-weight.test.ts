import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { actionContext } from '../../support/agents/agent-setup.ts';
import type { HaproxyProcess } from '../../support/agents/haproxy/haproxy.ts';
import {
  agent,
  endAll,
  fails,
  haproxy,
  line,
  sessionsOn,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';

afterEach(endAll);

async function weights({ ask }: HaproxyProcess): Promise<Record<string, number>> {
  const lines = (await ask('show servers state app')).split('\n').slice(2);
  return Object.fromEntries(lines.map((text) => text.split(' ')).map((fields) => [fields[3], Number(fields[7])]));
}

describe('the weight of servers', () => {
  test('is read, and set as a number or a percentage of the configured one', async () => {
    const web = await webServers(3);
    const lb = await haproxy(web.map((one) => line(one, 'weight 40')));
    const { weight, status } = await agent([lb.socket], { servers: { 'dev2.devco.net': 'web2' } });
    assert.deepEqual(await weight({ backend: 'app', server: 'web1,dev2.devco.net' }), {
      backend: 'app',
      changed: [],
      unchanged: ['web1', 'dev2.devco.net'],
      available: 3,
      servers: [
        { name: 'web1', server: 'web1', weight: 40, initial: 40 },
        { name: 'dev2.devco.net', server: 'web2', weight: 40, initial: 40 },
      ],
    });
    const half = await weight({ backend: 'app', server: 'web1,dev2.devco.net', weight: '50%' });
    assert.deepEqual(
      [half.changed, half.servers.map((one) => one.weight)],
      [
        ['web1', 'dev2.devco.net'],
        [20, 20],
      ],
    );
    assert.deepEqual(await weights(lb), { web1: 20, web2: 20, web3: 40 });
    assert.deepEqual((await weight({ backend: 'app', server: 'web1', weight: '20' })).unchanged, ['web1']);
    await weight({ backend: 'app', server: 'web1', weight: '256' });
    assert.deepEqual(await weights(lb), { web1: 256, web2: 20, web3: 40 });
    const { servers } = await status({ backend: 'app' });
    assert.deepEqual(
      servers.map((one) => one.weight),
      [256, 20, 40],
    );
    await weight({ backend: 'app', server: 'web1,web2', weight: '100%' });
    assert.deepEqual(await weights(lb), { web1: 40, web2: 40, web3: 40 });
  });

  test('is not set in a dry run, nor when it is invalid', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, 'weight 40')));
    const { weight } = await agent([lb.socket]);
    const dry = await weight({ backend: 'app', server: 'web1', weight: '0' }, actionContext({ dryRun: true }));
    assert.deepEqual([dry.changed, dry.available], [['web1'], 1]);
    for (const wrong of ['257', '999%', '-1', '1;', '5 5', '%', '', '1.5', '١']) {
      await assert.rejects(weight({ backend: 'app', server: 'web1', weight: wrong }), fails('bad-weight'), wrong);
    }
    assert.deepEqual(await weights(lb), { web1: 40, web2: 40 });
  });

  test('does not disable the last usable server if it is 0', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { weight } = await agent([lb.socket]);
    assert.equal((await weight({ backend: 'app', server: 'web1', weight: '0' })).available, 1);
    const last = { backend: 'app', server: 'web2', weight: '0%' };
    await assert.rejects(weight(last), fails('too-few-servers'));
    await assert.rejects(weight(last, actionContext({ dryRun: true })), fails('too-few-servers'));
    assert.deepEqual(await weights(lb), { web1: 0, web2: 1 });
    assert.equal((await weight({ ...last, min_available: 0 })).available, 0);
  });

  test('is restored on the first of two sockets if the second refuses it', async () => {
    const web = await webServers(2);
    const one = await haproxy(web.map((server) => line(server, 'weight 40')));
    // Static balancing takes no weights but 0% and 100%.
    const two = await haproxy(['balance static-rr', ...web.map((server) => line(server, 'weight 40'))]);
    const { weight } = await agent([one.socket, two.socket]);
    await assert.rejects(
      weight({ backend: 'app', server: 'web1,web2', weight: '10' }),
      fails('haproxy-refused', /static LB algorithm.*put back: app\/web[12] to weight 40/),
    );
    assert.deepEqual([await weights(one), await weights(two)], Array(2).fill({ web1: 40, web2: 40 }));
  });
});

describe('sessions that do not end', () => {
  test('are ended by force on request, and counted', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable, status } = await agent([lb.socket]);
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get()].map((answer) => answer.catch(() => ({ status: 0 })));
    await sessionsOn(lb, 2);
    const context = actionContext();
    const order = { backend: 'app', server: 'web1', shutdown: true, drain_timeout: 0 };
    const { hosts, ...done } = await disable(order, context);
    assert.deepEqual(done, { backend: 'app', changed: ['web1'], unchanged: [], available: 1, ended: 1 });
    assert.deepEqual(hosts[0]?.lines, ['app/web1']);
    assert.deepEqual(context.said, [
      'sessions left after 0 s: web1: 1 session',
      'ending what is left: web1: 1 session',
    ]);
    assert.deepEqual(
      (await status({ backend: 'app' })).servers.map(({ sessions }) => sessions),
      [0, 1],
    );
    assert.equal((await disable(order)).ended, 0);
    gate.resolve();
    const ends = (await Promise.all(answers)).map((answer) => answer.status).sort();
    assert.equal(ends.filter((code) => code === 200).length, 1);
  });

  test('are ended by a second call with that request if the first call left them', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { disable } = await agent([lb.socket]);
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get()].map((answer) => answer.catch(() => undefined));
    await sessionsOn(lb, 2);
    const order = { backend: 'app', server: 'web2', drain_timeout: 0 };
    assert.equal((await disable(order)).ended, undefined);
    const again = await disable({ ...order, shutdown: true });
    assert.deepEqual([again.unchanged, again.ended], [['web2'], 1]);
    gate.resolve();
    await Promise.all(answers);
  });
});

describe('the processes of HAProxy', () => {
  test('are reported by status, so that a restart between two calls is visible', async () => {
    const web = await webServers(2);
    const lb = await haproxy(web.map((one) => line(one, '')));
    const { status } = await agent([lb.socket]);
    const [before] = (await status({ backend: 'app' })).processes;
    assert.equal(before?.socket, lb.socket);
    assert.match(before?.version ?? '', /^\d+\.\d+/);
    await lb.restart();
    const [after] = (await status({ backend: 'app' })).processes;
    assert.notEqual(after?.pid, before?.pid);
  });
});
