import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startAgentCheck } from '../../support/agents/haproxy/agent-check.ts';
import { type CutOff, type CutOffProxy, startCutOffProxy } from '../../support/agents/haproxy/cut-off-proxy.ts';
import { agent, endAll, ended, haproxy, line, webServers } from '../../support/agents/haproxy/haproxy-agent.ts';
import type { HaproxyProcess } from '../../support/agents/haproxy/haproxy.ts';
import { eventually } from '../../support/eventually.ts';
import { crashAtEachChange } from '../../support/faults/crash.ts';

const order = { server: 'web1' };

/** The state of the host in HAProxy and in the agent's own record. */
interface State {
  readonly admin: number;
  /** Whether HAProxy asks its agent-check. */
  readonly asked: boolean;
  readonly held: boolean;
}
const out: State = { admin: 1, asked: false, held: true };
const serving: State = { admin: 0, asked: true, held: false };

for (const action of ['disable', 'enable'] as const) {
  describe(`a daemon that is killed at any moment of ${action}`, () => {
    let lb: HaproxyProcess;
    let proxy: CutOffProxy;
    /** What is in it is followed; the state of the agent is a new directory in it each time. */
    let base: string;
    let directory: string;
    before(async () => {
      const web = await webServers(2, 'own');
      const check = await startAgentCheck('up');
      ended.push(check.stop);
      const options = `check agent-check agent-addr 127.0.0.1 agent-port ${check.port} agent-inter 50ms`;
      lb = await haproxy(web.map((one, index) => line(one, index === 0 ? options : 'check')));
      proxy = await startCutOffProxy(lb.socket);
      ended.push(proxy.end);
      base = mkdtempSync('/dev/shm/mco-cut-');
      directory = mkdtempSync(`${base}/`);
    });
    after(async () => {
      await endAll();
      rmSync(base, { recursive: true });
    });

    /** An agent of a daemon that is started on the directory now. */
    const startOn = (socket: string, stateDirectory: string) =>
      agent([socket], { watch_interval: 60 }, { stateDirectory });

    const prepare = async () => {
      rmSync(directory, { recursive: true });
      directory = mkdtempSync(`${base}/`);
      for (const command of ['set server app/web1 state ready', 'enable agent app/web1']) await lb.ask(command);
      const first = await startOn(proxy.socket, directory);
      await first.enable(order);
      if (action === 'enable') await first.disable(order);
      await first.stop();
    };

    const stateOf = async (status: () => ReturnType<Awaited<ReturnType<typeof agent>>['status']>): Promise<State> => {
      const [server] = (await status()).servers;
      const fields = (await lb.ask('show servers state app')).split('\n')[2]?.split(' ') ?? [];
      return { admin: Number(fields[6]), asked: (Number(fields[14]) & 4) !== 0, held: server?.breaks !== undefined };
    };

    /** The next daemon finds the host whole: out and held, or serving; and the same call puts all right. */
    const checkNext = async (stateDirectory: string, where: string) => {
      const next = await startOn(proxy.socket, stateDirectory);
      const status = () => next.status(order);
      const found = await stateOf(status);
      assert.deepEqual(found, found.held ? out : serving, where);
      await next[action](order);
      assert.deepEqual(await stateOf(status), action === 'disable' ? out : serving, `${where}, then ${action}`);
      if (action === 'disable') await next.enable(order);
      await eventually(async () => assert.deepEqual(await stateOf(status), serving, `${where}, in the end`));
      await next.stop();
    };

    test('leaves the host either held out or in traffic, agent-check unchanged, if killed at any write of its record', async () => {
      await crashAtEachChange({
        root: base,
        kinds: ['kill', 'half'],
        prepare,
        work: async () => (await startOn(proxy.socket, directory))[action](order),
        check: (where) => checkNext(directory, where),
        least: 4,
      });
    });

    test('leaves it in the same states if killed at any command to HAProxy, whether or not the command arrived', async () => {
      for (const arrives of [false, true]) {
        let at = 0;
        for (let done = false; !done; at++) done = !(await cutAt({ at, arrives }));
        assert.ok(at > 3, `${at - 1} changes`);
      }
    });

    /** @returns false where the action came to its end before that */
    async function cutAt(cutOff: CutOff): Promise<boolean> {
      await prepare();
      const dying = await startOn(proxy.socket, directory);
      const cut = proxy.arm(cutOff).then(() => true);
      const worked = dying[action](order).then(
        () => false,
        () => false,
      );
      const died = await Promise.race([cut, worked]);
      // Lines that the old daemon writes when it finds its connections gone do not count.
      const left = mkdtempSync('/dev/shm/mco-cut-left-');
      cpSync(directory, left, { recursive: true });
      await proxy.end();
      await worked;
      await dying.stop();
      await proxy.begin();
      const { at, arrives } = cutOff;
      await checkNext(left, `at command ${at}, which ${arrives ? 'arrived' : 'did not arrive'}`);
      rmSync(left, { recursive: true });
      return died;
    }
  });
}
