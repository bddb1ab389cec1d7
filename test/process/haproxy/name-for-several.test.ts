import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { freePort } from '../../support/free-port.ts';
import {
  adminStates,
  agent,
  endAll,
  ended,
  haproxy,
  line,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import { startNameServer } from '../../support/agents/angelia/name-server.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

/** Three hosts that a `server-template` finds by one name; its fourth line is free. */
async function template() {
  const web = await webServers(3, 'own');
  const names = await startNameServer(web.map(({ host }) => host));
  ended.push(names.stop);
  const lb = await haproxy(
    [`server-template s 4 web.test:${web[0]?.port} check resolvers names init-addr none`],
    `resolvers names
  nameserver local 127.0.0.1:${names.port}
  timeout resolve 100ms
  hold obsolete 100ms
  hold valid 100ms`,
  );
  const up = async () => (await lb.ask('show stat app 4 -1')).match(/,UP,/g)?.length === 3;
  await until('the three hosts are up', up);
  return { web, names, lb, host: web[0]?.host ?? '' };
}

describe('a host that is one of the addresses of a name', () => {
  test('is held out alone: a “server-template” resolves the name for all of its lines', async () => {
    const { lb, host } = await template();
    const { disable, status } = await agent([lb.socket], { watch_interval: 60 });
    const { hosts } = await disable({ server: host });
    const [, slot = ''] = /^app\/(.*)$/.exec(hosts[0]?.lines[0] ?? '') ?? [];
    // Checks all that is held, as the watch does.
    const { out } = await status({});
    assert.deepEqual(out, [host]);
    const { [slot]: own, ...others } = await adminStates(lb);
    assert.deepEqual([own, Object.values(others).sort()], [1, [0, 0, 32]], '32: the fourth line has no address');
  });

  test('stays out while the name server leaves it out, and when it comes back', async () => {
    const { web, names, lb, host } = await template();
    const { disable, enable, status } = await agent([lb.socket], { watch_interval: 60 });
    const { hosts } = await disable({ server: host });
    const [, slot = ''] = /^app\/(.*)$/.exec(hosts[0]?.lines[0] ?? '') ?? [];
    const becomes = (state: number) =>
      until(`the state of its line is ${state}`, async () => (await adminStates(lb))[slot] === state);
    names.give(web.slice(1).map((one) => one.host));
    await becomes(33);
    assert.deepEqual((await status({ server: host })).out, [host]);
    names.give(web.map((one) => one.host));
    await becomes(1);
    assert.deepEqual((await status({ server: host })).servers[0]?.breaks, []);
    await enable({ server: host });
    assert.equal((await status({})).ready, true);
  });
});

describe('a backend', () => {
  test('is changed although a frontend before it has its name', async () => {
    const web = await webServers(2);
    const lb = await haproxy(
      web.map((one) => line(one)),
      `frontend shop
  bind 127.0.0.1:${await freePort()}
  default_backend shop
backend shop
  ${web.map((one) => line(one, '')).join('\n  ')}`,
    );
    const { disable, enable, weight } = await agent([lb.socket]);
    assert.deepEqual((await disable({ server: 'web1' })).changed, ['web1']);
    assert.deepEqual([(await adminStates(lb)).web1, (await adminStates(lb, 'shop')).web1], [1, 1]);
    assert.deepEqual((await enable({ server: 'web1' })).changed, ['web1']);
    assert.deepEqual((await weight({ backend: 'shop', server: 'web1', weight: '0' })).changed, ['web1']);
  });
});
