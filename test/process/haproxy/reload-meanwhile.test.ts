import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { defineRuntime } from '../../../src/agents/haproxy/runtime/runtime.ts';
import { adminStates, agent, endAll, haproxy, line, webServers } from '../../support/agents/haproxy/haproxy-agent.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

describe('HAProxy is reloaded in the middle of enable', () => {
  for (const restoring of [true, false]) {
    test(`enable starts again in the new process, and ends once the check passes there (restoring ${restoring})`, async () => {
      const web = await webServers(2, 'own');
      const lb = await haproxy(
        web.map((one) => line(one)),
        '',
        { restoring },
      );
      const { disable, enable, status } = await agent([lb.socket], { enable_timeout: 60, watch_interval: 60 });
      await disable({ server: 'web1' });
      web[0]?.checkStatus(500);
      const takeOver = await lb.beginReload();
      let isOver = false;
      const enabling = enable({ server: 'web1' }).finally(() => {
        isOver = true;
      });
      await until('web1 drains and is checked', async () => (await adminStates(lb)).web1 === 8);
      await takeOver();
      await until('its check has failed in the new process', async () =>
        (await status({ server: 'web1' })).servers.every(({ check }) => check.includes('500')),
      );
      assert.equal(isOver, false);
      web[0]?.checkStatus(200);
      assert.deepEqual((await enabling).changed, ['web1']);
      assert.equal((await status({})).ready, true);
    });
  }
});

describe('a HAProxy that accepts no further connection', () => {
  test('is called again until it accepts one', async () => {
    const web = await webServers(1);
    const lb = await haproxy(web.map((one) => line(one)));
    const pid = Number(/^Pid: (\d+)$/m.exec(await lb.ask('show info'))?.[1]);
    process.kill(pid, 'SIGSTOP');
    const others: ReturnType<typeof connect>[] = [];
    const isFull = () =>
      new Promise<boolean>((resolve, reject) => {
        const socket = connect(lb.socket, () => resolve(false));
        others.push(socket);
        socket.on('error', ({ code }: NodeJS.ErrnoException) =>
          code === 'EAGAIN' ? resolve(true) : reject(new Error(`not full, but ${code}`)),
        );
      });
    await until('the socket is full', isFull, 0);
    const answer = defineRuntime(lb.socket, 30).ask('show info', new AbortController().signal);
    process.kill(pid, 'SIGCONT');
    for (const socket of others) socket.destroy();
    assert.match(await answer, /^Name: HAProxy$/m);
  });
});
