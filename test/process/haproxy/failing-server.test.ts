import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { actionContext } from '../../support/agents/agent-setup.ts';
import { startAgentCheck } from '../../support/agents/haproxy/agent-check.ts';
import {
  adminStates,
  agent,
  endAll,
  ended,
  fails,
  haproxy,
  line,
  sessionsOn,
  webServers,
} from '../../support/agents/haproxy/haproxy-agent.ts';
import type { HaproxyProcess, WebServer } from '../../support/agents/haproxy/haproxy.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

/** HAProxy checks it often while it is up. Once it is down, HAProxy would not notice for an hour that it counts as up by mistake. */
const seldom = 'check downinter 1h';
/** The watch checks so rarely that only `status` does. */
const never = { watch_interval: 60 };

/** The field of a line in “show servers state”: 5 is the operational state (0: down), 6 the administrative one. */
async function fieldOf(
  { ask }: HaproxyProcess,
  name: string,
  field: number,
  backend = 'app',
): Promise<string | undefined> {
  const rows = (await ask(`show servers state ${backend}`)).split('\n').map((text) => text.split(' '));
  return rows.find((row) => row[3] === name)?.[field];
}

const isDown = (lb: HaproxyProcess) =>
  until('HAProxy finds that the check of web1 fails', async () => (await fieldOf(lb, 'web1', 5)) === '0');

/** The number of requests that reach a server. */
async function requestsAt({ served }: WebServer, lb: HaproxyProcess): Promise<number> {
  const before = served();
  for (let request = 0; request < 20; request++) await lb.get();
  return served() - before;
}

/**
 * HAProxy with three servers. The first has those options; the second has an agent-check, because of which “disable” does not end
 * before `settle` is over: it can be cancelled while both are in maintenance.
 */
async function threeServers(options: string) {
  const web = await webServers(3);
  const [first] = web as [WebServer, WebServer, WebServer];
  const check = await startAgentCheck('up');
  ended.push(check.stop);
  const asked = `check agent-check agent-addr 127.0.0.1 agent-port ${check.port} agent-inter 50ms`;
  const lb = await haproxy(web.map((one, index) => line(one, [options, asked][index])));
  const { disable } = await agent([lb.socket], { ...never, settle: 3600, drain_timeout: 60 });
  const cancelInMaintenance = async (meanwhile = async () => {}) => {
    const stop = new AbortController();
    const call = disable({ backend: 'app', server: 'web1,web2' }, actionContext({ signal: stop.signal }));
    call.catch(() => {});
    await meanwhile();
    await until('both are in maintenance', async () => {
      const { web1, web2 } = await adminStates(lb);
      return web1 === 1 && web2 === 1;
    });
    stop.abort();
    await assert.rejects(call, fails('cancelled', /put back: .*app\/web1 to ready/));
    assert.deepEqual(await adminStates(lb), { web1: 0, web2: 0, web3: 0 });
  };
  return { web, first, lb, cancelInMaintenance };
}

describe('a server whose check fails, restored by a call that fails', () => {
  test('gets no request if it was down before the call', async () => {
    const { first, lb, cancelInMaintenance } = await threeServers(seldom);
    first.checkStatus(503);
    await isDown(lb);
    await cancelInMaintenance();
    assert.equal(await requestsAt(first, lb), 0);
  });

  test('gets no request if the check began to fail while the sessions ended', async () => {
    const { web, first, lb, cancelInMaintenance } = await threeServers(seldom);
    const gate = Promise.withResolvers<void>();
    for (const one of web) one.hold(gate.promise);
    const answers = [lb.get(), lb.get(), lb.get()];
    await sessionsOn(lb, 3);
    await cancelInMaintenance(async () => {
      await until('it is in drain', async () => (await fieldOf(lb, 'web1', 6)) === '8');
      first.checkStatus(503);
      await isDown(lb);
      gate.resolve();
    });
    await Promise.all(answers);
    assert.equal(await requestsAt(first, lb), 0);
  });

  test('gets no request if its agent-check reports “down”, even without a health check', async () => {
    for (const health of ['check', '']) {
      const agentCheck = await startAgentCheck('down');
      ended.push(agentCheck.stop);
      const asked = `agent-check agent-addr 127.0.0.1 agent-port ${agentCheck.port} agent-inter 100ms`;
      const { first, lb, cancelInMaintenance } = await threeServers(`${health} ${asked}`);
      await isDown(lb);
      await cancelInMaintenance();
      assert.equal(await requestsAt(first, lb), 0);
      await agentCheck.asked(3);
      assert.equal(await requestsAt(first, lb), 0);
      agentCheck.says('up');
      await until('it gets requests again', async () => (await requestsAt(first, lb)) > 0);
    }
  });

  test('gets requests again once its check passes', async () => {
    const { first, lb, cancelInMaintenance } = await threeServers('check');
    first.checkStatus(503);
    await isDown(lb);
    await cancelInMaintenance();
    first.checkStatus(200);
    await until('it gets requests again', async () => (await requestsAt(first, lb)) > 0);
  });

  test('gets requests at once if its check passed', async () => {
    const { first, lb, cancelInMaintenance } = await threeServers('check inter 1h');
    await cancelInMaintenance();
    assert.ok((await requestsAt(first, lb)) > 0);
  });
});

describe('a server to which requests persist', () => {
  /** A backend that sends every request to web1 as long as that counts as up. */
  const always = (lines: readonly string[]) =>
    `backend always\n  option httpchk GET /health\n  default-server inter 100ms fall 2 rise 2\n  use-server web1 if TRUE\n  ${lines.join('\n  ')}`;

  for (const [what, inAlways] of [
    ['checks', 'check'],
    ['another line without checks', ''],
    ['another line that follows the check of another server', 'track app/web2'],
    ['another line with an agent-check alone', 'agent-check agent-addr 127.0.0.1 agent-inter 50ms agent-port'],
  ] as const) {
    test(`gets none while it is enabled and its check fails, with ${what}`, async () => {
      const web = await webServers(2);
      const [first] = web as [WebServer, WebServer];
      const agentCheck = await startAgentCheck('up');
      ended.push(agentCheck.stop);
      const options = inAlways.endsWith('port') ? `${inAlways} ${agentCheck.port}` : inAlways;
      const lb = await haproxy(
        web.map((one) => line(one)),
        always(web.map((one) => line(one, options))),
        { route: 'use_backend always' },
      );
      // On a busy machine a check may also fail for want of time: that is not what this is about.
      const { disable, enable } = await agent([lb.socket], { ...never, enable_timeout: 60, min_available: 0 });
      await disable({ server: 'web1' });
      first.checkStatus(503);
      const before = first.served();
      const stop = new AbortController();
      const call = enable({ server: 'web1' }, actionContext({ signal: stop.signal }));
      const ends = assert.rejects(call, fails('cancelled'));
      // HAProxy may serve a request between the two commands of one line: the requests begin after both, on both lines.
      await until('its checks have begun', async () => {
        const downInDrain = async (backend: string) =>
          (await fieldOf(lb, 'web1', 5, backend)) === '0' && (await fieldOf(lb, 'web1', 6, backend)) === '8';
        return (await downInDrain('app')) && (inAlways !== 'check' || (await downInDrain('always')));
      });
      for (let request = 0; request < 100; request++) await lb.get();
      stop.abort();
      await ends;
      assert.equal(first.served() - before, 0);
      first.checkStatus(200);
      await enable({ server: 'web1' });
      assert.equal((await lb.get()).body, 'web1');
    });
  }
});

test('a line in maintenance that now belongs to another host gets no request before its check passes', async () => {
  const web = await webServers(3, 'own');
  const [, , third] = web as [WebServer, WebServer, WebServer];
  const lb = await haproxy([...web.slice(0, 2).map((one) => line(one, 'check inter 1h')), line(third, 'disabled')]);
  const { disable, status } = await agent([lb.socket], never);
  await disable({ backend: 'app', server: 'web1' });
  third.checkStatus(503);
  await lb.ask(`set server app/web1 addr ${third.host} port ${third.port}`);
  await status({ backend: 'app' });
  assert.equal((await adminStates(lb)).web1, 0);
  assert.equal(await requestsAt(third, lb), 0);
});
