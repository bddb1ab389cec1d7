import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { doctorHaproxy } from '../../../src/agents/haproxy/doctor.ts';
import { actionContext } from '../../support/agents/agent-setup.ts';
import { agent, endAll, haproxy, line, webServers } from '../../support/agents/haproxy/haproxy-agent.ts';

afterEach(endAll);

/** What the doctor finds, but for what it finds well. */
async function complaints(...sockets: string[]): Promise<string[]> {
  const setup = { config: { sockets, servers: {}, timeout: 10 }, signal: new AbortController().signal };
  const found = await doctorHaproxy(setup as never);
  return found.filter(({ status }) => status !== 'ok').map(({ what }) => what);
}

describe('a second HAProxy on the machine, whose socket is not configured', () => {
  test('is reported by disable and by the doctor if it leads to the host', async () => {
    const web = await webServers(3);
    const lines = web.map((one) => line(one));
    const lb = await haproxy(lines.slice(0, 2), '', { restoring: true });
    const other = await haproxy(lines.slice(1), '', { restoring: true });
    const { disable } = await agent([lb.socket]);
    const words = /^HAProxy’s process \d+ \(\/.*haproxy\.cfg\), which has no socket in node\.yaml$/;
    for (const dryRun of [true, false]) {
      const { hosts } = await disable({ server: 'web1,web2', min_available: 0 }, actionContext({ dryRun }));
      const [first, second] = hosts.map((host) => host.still_serving);
      assert.deepEqual([first, second?.length], [[], 1]);
      assert.match(second?.[0] ?? '', words);
    }
    const [found, ...more] = await complaints(lb.socket);
    assert.match(found ?? '', /which has no socket in node\.yaml, leads to web2: hosts are not taken out there$/);
    assert.deepEqual([more, await complaints(lb.socket, other.socket)], [[], []]);
  });

  test('is not reported if it leads to other hosts only', async () => {
    const web = await webServers(2);
    const [first = '', second = ''] = web.map((one) => line(one));
    const [lb] = [await haproxy([first], '', { restoring: true }), await haproxy([second])];
    const { disable } = await agent([lb.socket], { min_available: 0 });
    assert.deepEqual((await disable({ server: 'web1' })).hosts[0]?.still_serving, []);
    assert.deepEqual(await complaints(lb.socket), []);
  });

  test('is not what a reload replaces', async () => {
    const web = await webServers(1);
    const lb = await haproxy(
      web.map((one) => line(one)),
      '',
      { restoring: true },
    );
    await lb.replace();
    assert.deepEqual(await complaints(lb.socket), []);
  });
});

test('the doctor finds a socket that allows no changes', async () => {
  const web = await webServers(1);
  const lb = await haproxy(
    web.map((one) => line(one)),
    '',
    { restoring: true },
  );
  assert.deepEqual(await complaints(lb.readOnlySocket), [
    `HAProxy at ${lb.readOnlySocket} allows only the level “user”`,
  ]);
});
