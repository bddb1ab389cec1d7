import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Request } from '../../../../../src/agents/haproxy/actions/change-request.ts';
import type { HostEntry } from '../../../../../src/agents/haproxy/into-traffic/enable-host.ts';
import { waitForAll } from '../../../../../src/agents/haproxy/into-traffic/enable-wait.ts';
import type { LoadBalancer } from '../../../../../src/agents/haproxy/load-balancer.ts';
import { readInfos } from '../../../../../src/agents/haproxy/runtime/process.ts';
import { readViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import type { ServerLine } from '../../../../../src/agents/haproxy/servers/line.ts';
import { fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

/** A host that is in after so many looks; `onLook` is called at each. */
function entering(name: string, looks: number, onLook: () => void = () => {}) {
  const said: string[] = [];
  let [left, isIn] = [looks, false];
  const stateOf = ([line]: readonly ServerLine[]) => line?.server.admin;
  const entry: HostEntry = {
    host: { name, lines: [], chosen: [], followers: [], elsewhere: [] },
    begin: async () => {},
    beginAgain: async (sockets, all) => {
      await new Promise((resolve) => setImmediate(resolve));
      [left, isIn] = [looks, false];
      said.push(`again ${sockets.join()} ${stateOf(all)}`);
    },
    advance: async (all) => {
      await new Promise((resolve) => setImmediate(resolve));
      said.push(`look ${stateOf(all)}`);
      onLook();
      isIn = --left <= 0;
    },
    isIn: () => isIn,
    reason: () => `${name} is down`,
  };
  return { entry, said };
}

async function waiting(seconds = 60) {
  const fake = fakeHaproxy({ app: [{ name: 'web1', ip: '10.0.0.1' }] });
  const stop = new AbortController();
  const views = await readViews([fake], stop.signal);
  const known = await readInfos([fake], stop.signal);
  fake.asked.length = 0;
  const balancer = { config: { enable_timeout: seconds } } as LoadBalancer;
  const wait = (...entries: HostEntry[]) =>
    waitForAll(balancer, { views } as unknown as Request, { entries, known }, stop.signal);
  return { fake, stop, wait };
}

describe('hosts that are awaited', () => {
  test('advance at each look until they are in, and are left alone from then on', async () => {
    const { fake, wait } = await waiting();
    const [one, other] = [
      entering('dev1', 1),
      entering('dev2', 3, () => Object.assign(fake.server('app/web1'), { weight: 7 })),
    ];
    const views = await wait(one.entry, other.entry);
    assert.deepEqual([one.said.length, other.said.length], [1, 3]);
    assert.equal(views[0]?.servers[0]?.weight, 7, 'the views are those of the last look');
  });

  test('have their states read before the process that has them', async () => {
    const { fake, wait } = await waiting();
    await wait(entering('dev1', 2).entry);
    const look = ['show stat app 6 -1', 'show servers state app', 'show info'];
    assert.deepEqual(fake.asked.toSorted(), [...look, ...look].toSorted());
    assert.equal(fake.asked.indexOf('show info'), 2);
  });

  test('are given up once their time is over, with the reason of each and those that are in', async (context) => {
    let now = 1000;
    context.mock.method(performance, 'now', () => now);
    const { wait } = await waiting(2);
    const [late, other, quick] = [entering('dev1', 99, () => (now += 500)), entering('dev2', 99), entering('dev3', 1)];
    await assert.rejects(wait(late.entry, other.entry, quick.entry), {
      code: 'server-not-up',
      message: /^not in traffic within 2 s: dev1 .*: dev1 is down, dev2 .*: dev2 is down; enabled: dev3$/,
      hint: 'find out why its check fails, or raise “enable_timeout” if HAProxy checks it too seldom (“inter”), then enable it again',
    });
    assert.equal(late.said.length, 4, 'the last look is at the deadline');
  });

  test('are in if the look at the deadline finds them in', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const { wait } = await waiting(1);
    await wait(entering('dev1', 2, () => (now += 500)).entry);
    await assert.rejects(wait(entering('dev1', 3, () => (now += 500)).entry), { message: /dev1 is down$/ });
  });

  test('are awaited no longer once the call is cancelled', async () => {
    const { stop, wait } = await waiting();
    const one = entering('dev1', 99, () => stop.abort());
    await assert.rejects(wait(one.entry), { code: 'cancelled' });
    assert.equal(one.said.length, 1);
  });
});

describe('a reload meanwhile', () => {
  test('makes all begin again with the states of the new process, at each reload once', async () => {
    const { fake, wait } = await waiting();
    const one = entering('dev1', 2);
    let looks = 0;
    fake.onCommand = (command) => {
      if (command !== 'show info') return;
      looks++;
      if (looks === 2 || looks === 4)
        [fake.info.pid, fake.server('app/web1').admin] = [100 + looks, looks === 2 ? 1 : 8];
    };
    await wait(one.entry);
    const [socket, states] = [fake.name, ['again', 'look', 'again', 'look', 'look']];
    assert.deepEqual(one.said, [
      'look 0',
      ...states.map((what, at) => `${what}${what === 'again' ? ` ${socket}` : ''} ${at < 2 ? 1 : 8}`),
    ]);
  });

  test('ends the wait if a host cannot begin again', async () => {
    const { fake, wait } = await waiting();
    const { entry } = entering('dev1', 2);
    fake.info.pid = 101;
    const failing = { ...entry, beginAgain: () => Promise.reject(new Error('connection lost')) };
    await assert.rejects(wait(failing), { message: 'connection lost' });
  });
});
