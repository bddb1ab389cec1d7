import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { actionContext } from '../../support/agents/agent-setup.ts';
import {
  adminStates,
  agent,
  endAll,
  ended,
  fails,
  haproxy,
  line,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

/** A HAProxy with two servers, and a client's two idle connections to it, which a reload leaves to its old process. */
async function withConnections() {
  const web = await webServers(2);
  const lb = await haproxy(
    web.map((one) => line(one)),
    '',
    { restoring: true, route: 'option idle-close-on-response' },
  );
  const clients = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  const close = () => {
    for (const client of clients) client.destroy();
  };
  ended.push(async () => close());
  /** The servers that reply to one request on each connection. */
  const request = async () => {
    const names: string[] = [];
    for (const client of clients) names.push((await lb.get(client)).body);
    return names.sort();
  };
  assert.deepEqual(await request(), ['web1', 'web2']);
  return { lb, request, close };
}

describe('a host that is taken out after a reload of HAProxy, whose old process still has connections', () => {
  test('is out once the old process has ended', async () => {
    const { lb, close } = await withConnections();
    const { oldPid, oldEnded } = await lb.replace();
    const { disable } = await agent([lb.socket], { replaced_timeout: 60 });
    const said = Promise.withResolvers<string>();
    const call = disable({ server: 'web1' }, { ...actionContext(), progress: said.resolve });
    const first = await Promise.race([said.promise, call]);
    assert.equal(first, `waiting for HAProxy’s process ${oldPid}, which a reload replaced, to end`);
    close();
    assert.deepEqual((await call).changed, ['web1']);
    await oldEnded;
    assert.deepEqual(await adminStates(lb), { web1: 1, web2: 0 });
  });

  test('stays in traffic if the old process does not end in time', async () => {
    const { lb } = await withConnections();
    const { oldPid } = await lb.replace();
    const { disable, status } = await agent([lb.socket], { replaced_timeout: 0, drain_timeout: 0 });
    const words = new RegExp(`process ${oldPid} .* may send requests to web1; put back: app/web1 to ready`);
    await assert.rejects(disable({ server: 'web1' }), fails('haproxy-replaced', words));
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0 });
    assert.deepEqual(
      (await status({})).servers.map(({ since }) => since),
      [undefined, undefined],
    );
  });

  test('gets requests through it if that is only reported', async () => {
    const { lb, request } = await withConnections();
    const { oldPid } = await lb.replace();
    const { disable } = await agent([lb.socket], { replaced_timeout: 0, drain_timeout: 0, replaced_left: 'report' });
    const context = actionContext();
    assert.deepEqual((await disable({ server: 'web1' }, context)).changed, ['web1']);
    assert.match(context.said.at(-1) ?? '', new RegExp(`process ${oldPid} .* may send requests to web1$`));
    assert.deepEqual(await request(), ['web1', 'web2']);
  });

  test('was out in the old process too if it was taken out before the reload', async () => {
    const { lb, request } = await withConnections();
    const { disable } = await agent([lb.socket], { replaced_timeout: 0, drain_timeout: 0 });
    const [host] = (await disable({ server: 'web1' })).hosts;
    // HAProxy reports its start in whole seconds.
    await until('the next second', () => Math.floor(Date.now() / 1000) * 1000 > (host?.out_since ?? 0));
    await lb.replace();
    assert.deepEqual((await disable({ server: 'web1' })).unchanged, ['web1']);
    assert.deepEqual(await request(), ['web2', 'web2']);
  });

  test('stays in traffic while a process is left that two reloads ago was replaced: none names it any more', async () => {
    const { lb } = await withConnections();
    const { oldPid } = await lb.replace();
    await (await lb.replace()).oldEnded;
    const { disable } = await agent([lb.socket], { replaced_timeout: 0, drain_timeout: 0 });
    const words = new RegExp(`process ${oldPid} .* may send requests to web1; put back: app/web1 to ready`);
    await assert.rejects(disable({ server: 'web1' }), fails('haproxy-replaced', words));
  });
});
