import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkHost } from '../../../../../src/agents/haproxy/maintenance/check-held-host.ts';
import type { HeldHost, HeldLine } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { readInfo } from '../../../../../src/agents/haproxy/runtime/process.ts';
import { readViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import { type FakeHaproxy, fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import { someTurns } from '../../../../support/mock-delays.ts';

const { signal } = new AbortController();
const socket = '/run/fake.sock';
const process = { version: '3.0.11', pid: 100, uptime: 60, started: 1_700_000_000 };
const line = (changes: Partial<HeldLine> = {}): HeldLine => ({
  ...{ socket, backend: 'app', server: 'web1', address: '10.0.0.1:80', agent: false, total: 0 },
  ...changes,
});
const held = (changes: Partial<HeldHost> = {}): HeldHost => ({
  ...{ host: 'dev1', addresses: ['10.0.0.1'], fqdns: [], ports: [], lines: [line()], stage: 'out', breaks: [] },
  ...{ outSince: 5, processes: { [socket]: process } },
  ...changes,
});

async function check(fake: FakeHaproxy, host = held(), others: readonly HeldHost[] = []) {
  const now = { runtime: fake, info: await readInfo(fake, signal), views: await readViews([fake], signal) };
  fake.asked.length = 0;
  return checkHost(host, others, now, signal);
}
const web1 = { name: 'web1', ip: '10.0.0.1', passes: true } as const;

describe('a host that is held and out', () => {
  test('is left unchanged: no command, no break, out since then', async () => {
    const fake = fakeHaproxy({
      app: [
        { ...web1, admin: 1 },
        { name: 'web2', ip: '10.0.0.2' },
      ],
    });
    const { host, breaks } = await check(fake);
    assert.deepEqual([fake.asked, breaks, host.outSince, host.breaks], [[], [], 5, []]);
    assert.deepEqual(host.lines, [line()]);
  });

  test('has no break if a server that it tracks is in maintenance', async () => {
    const fake = fakeHaproxy({
      app: [
        { name: 'web0', admin: 1 },
        { ...web1, tracked: 'app/web0' },
      ],
    });
    assert.deepEqual([(await check(fake)).breaks, fake.changes()], [[], []]);
  });

  test('has a break by requests since the last check, counted from 0 in a new process', async () => {
    const fake = fakeHaproxy({ app: [{ ...web1, admin: 1, total: 9 }] });
    assert.deepEqual((await check(fake, held({ lines: [line({ total: 9 })] }))).breaks, []);
    const [visit] = (await check(fake, held({ lines: [line({ total: 8 })] }))).breaks;
    assert.match(visit?.cause ?? '', /^it got 1 requests: something put it in/);
    assert.deepEqual(
      (await check(fake, held({ lines: [] }))).breaks,
      [],
      'what it had before it was recorded is its past',
    );
    const [cleared] = (await check(fake, held({ lines: [line({ total: 10 })] }))).breaks;
    assert.match(cleared?.cause ?? '', /^it got 9 requests: something put it in/, 'somebody has set the counters to 0');
    fake.info.pid = 101;
    const [reloaded] = (await check(fake, held({ lines: [line({ total: 8 })] }))).breaks;
    assert.match(reloaded?.cause ?? '', /^it got 9 requests: HAProxy was reloaded/);
    const unknown = await check(fake, held({ lines: [line({ total: 8 })], processes: {} }));
    assert.match(unknown.breaks[0]?.cause ?? '', /^it got 1 requests/);
  });
});

describe('a held host whose line has no address any more', () => {
  const vacant = { name: 'web1', passes: true } as const;
  const gone = held({ lines: [line({ agent: true, total: 7 })] });

  test('stays out there, for it may come back, and its record stays', async () => {
    const fake = fakeHaproxy({ app: [{ ...vacant, admin: 0x21, total: 7 }] });
    const { host, breaks } = await check(fake, gone);
    assert.deepEqual([fake.changes(), breaks, host.lines], [[], [], gone.lines]);
  });

  test('is taken out again after a reload, without a break: it got no request', async () => {
    const fake = fakeHaproxy({ app: [{ ...vacant, admin: 0x20 }] });
    fake.info.pid = 101;
    assert.deepEqual([(await check(fake, gone)).breaks, fake.changes()], [[], ['set server app/web1 state maint']]);
    Object.assign(fake.server('app/web1'), { admin: 0x20, total: 2 });
    assert.match((await check(fake, gone)).breaks[0]?.cause ?? '', /^it got 2 requests: HAProxy was reloaded/);
  });

  test('leaves the line once that leads to another host, or the host has another line', async () => {
    const other = fakeHaproxy({ app: [{ ...vacant, ip: '10.0.0.2', admin: 1 }] });
    await check(other, held());
    assert.deepEqual(other.changes().at(-1), 'set server app/web1 state ready');
    const moved = fakeHaproxy({
      app: [
        { ...vacant, admin: 0x21 },
        { name: 'web2', ip: '10.0.0.1', admin: 1 },
      ],
    });
    await check(moved, held());
    assert.deepEqual(moved.changes().at(-1), 'set server app/web1 state ready');
  });
});

describe('a host that is held and was enabled', () => {
  test('is disabled again, and the break is recorded with the start of the outage', async () => {
    const fake = fakeHaproxy({ app: [web1] });
    const began = Date.now();
    const earlier = { at: 1, socket, line: 'app/web1', cause: 'c', where: 'w' };
    const { host, breaks } = await check(fake, held({ breaks: [earlier] }));
    assert.deepEqual(fake.changes(), ['set server app/web1 state maint']);
    assert.equal(breaks.length, 1);
    assert.deepEqual(host.breaks, [earlier, ...breaks]);
    assert.match(breaks[0]?.cause ?? '', /^a person or another tool put it in/);
    assert.ok((host.outSince ?? 0) >= began && (breaks[0]?.at ?? 0) >= began);
  });

  test('is so by a reload that took place right after its process was identified', async () => {
    const fake = fakeHaproxy({ app: [web1] });
    const info = await readInfo(fake, signal);
    fake.info.pid = 101;
    const { host, breaks } = await checkHost(
      held(),
      [],
      { runtime: fake, info, views: await readViews([fake], signal) },
      signal,
    );
    assert.match(breaks[0]?.cause ?? '', /^HAProxy was reloaded or restarted/);
    assert.equal(host.processes[socket]?.pid, 100, 'the next check counts the requests to the new process');
    fake.server('app/web1').admin = 0;
    fake.onCommand = (command) => {
      if (command === 'show info') throw new Error('it is gone');
    };
    const views = await readViews([fake], signal);
    const unasked = await checkHost(held(), [], { runtime: fake, info, views }, signal);
    assert.equal(unasked.breaks.length, 1, 'a break is recorded even if the process is not identified again');
  });

  test('has its agent-check switched off before maintenance, because its reply could undo that', async () => {
    const fake = fakeHaproxy({ app: [{ ...web1, agent: 'up' }] });
    const { host } = await check(fake, held({ lines: [line({ agent: true })] }));
    assert.deepEqual(fake.changes(), ['disable agent app/web1', 'set server app/web1 state maint']);
    assert.equal(host.lines[0]?.agent, true, 'it is to be switched on when the host is put in');
  });

  test('gets the command for maintenance only once HAProxy has answered the one before', async () => {
    const fake = fakeHaproxy({ app: [{ ...web1, agent: 'up' }] });
    const answer = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    fake.onCommand = (command) => {
      if (command !== 'disable agent app/web1') return undefined;
      begun.resolve();
      return answer.promise;
    };
    const checking = check(fake);
    await begun.promise;
    await someTurns();
    assert.deepEqual(fake.changes(), ['disable agent app/web1']);
    answer.resolve();
    await checking;
    assert.deepEqual(fake.changes(), ['disable agent app/web1', 'set server app/web1 state maint']);
  });

  test('has an active agent-check switched off even while it is out', async () => {
    const fake = fakeHaproxy({ app: [{ ...web1, admin: 1, agent: 'up' }] });
    assert.deepEqual([(await check(fake)).breaks, fake.changes()], [[], ['disable agent app/web1']]);
  });

  test('is confirmed by another reading of only the backends that were changed', async () => {
    const fake = fakeHaproxy({ app: [web1], ws: [{ name: 'x', ip: '10.0.0.7' }] });
    fake.onCommand = (command) => {
      if (command.endsWith('state maint')) fake.server('app/web1').total = 3;
    };
    const { host } = await check(fake);
    assert.deepEqual(fake.asked, [
      'set server app/web1 state maint',
      'show info',
      'show stat app 6 -1',
      'show servers state app',
    ]);
    assert.equal(host.lines[0]?.total, 3);
  });

  test('is confirmed by another reading if any of its lines was changed', async () => {
    for (const [lines, again] of [
      [
        [
          { ...web1, admin: 1 },
          { ...web1, name: 'web5', port: 81 },
        ],
        ['app'],
      ],
      [
        [
          { ...web1, admin: 1 },
          { ...web1, name: 'web5', port: 81, admin: 1, agent: 'up' as const },
        ],
        ['app'],
      ],
      [
        [
          { ...web1, admin: 1 },
          { ...web1, name: 'web5', port: 81, admin: 1 },
        ],
        [],
      ],
    ] as const) {
      const fake = fakeHaproxy({ app: lines });
      await check(fake);
      assert.deepEqual(
        fake.asked.filter((command) => command.startsWith('show stat')),
        again.map((backend) => `show stat ${backend} 6 -1`),
      );
    }
    const two = fakeHaproxy({ app: [web1], ws: [{ ...web1, name: 'w1' }] });
    const { host } = await check(two);
    assert.deepEqual(
      host.lines.map(({ server }) => server),
      ['web1', 'w1'],
      'in both backends',
    );
  });

  test('has no break before its hold was confirmed, and is out from now on', async () => {
    const { outSince: _never, ...unconfirmed } = held();
    const fake = fakeHaproxy({ app: [web1] });
    const { host, breaks } = await check(fake, unconfirmed);
    assert.deepEqual([breaks, fake.changes()], [[], ['set server app/web1 state maint']]);
    assert.ok((host.outSince ?? 0) > 5);
  });

  test('is disabled only in the backends and at the ports that it is held out of', async () => {
    const both = { app: [web1], ws: [{ ...web1, name: 'w1', port: 81 }] };
    const ofApp = fakeHaproxy(both);
    await check(ofApp, held({ backends: ['app'] }));
    assert.deepEqual(ofApp.changes(), ['set server app/web1 state maint']);
    const at81 = fakeHaproxy(both);
    await check(at81, held({ ports: [81] }));
    assert.deepEqual(at81.changes(), ['set server ws/w1 state maint']);
  });
});

describe('the record of a host', () => {
  test('has its lines in this process, next to those of others, and the process', async () => {
    const other = line({ socket: '/run/b.sock' });
    const fake = fakeHaproxy({ app: [{ ...web1, name: 'web5', admin: 1, fqdn: 'dev1.net' }] });
    fake.info.uptime = 75;
    const { host } = await check(fake, held({ lines: [other, line({ server: 'gone' })], addresses: ['10.0.0.1'] }));
    assert.deepEqual(host.lines, [other, line({ server: 'web5' })]);
    assert.deepEqual(host.processes, { [socket]: { ...process, uptime: 75 } });
    assert.deepEqual(host.fqdns, ['dev1.net']);
  });

  test('has a new address that HAProxy resolved for its name, next to the earlier ones', async () => {
    const fake = fakeHaproxy({ app: [{ ...web1, ip: '10.0.0.9', fqdn: 'dev1.net', admin: 1 }] });
    const { host } = await check(fake, held({ fqdns: ['dev1.net'] }));
    assert.deepEqual(host.addresses, ['10.0.0.1', '10.0.0.9']);
  });

  test('notes that a new line had its agent-check if one is configured', async () => {
    const fake = fakeHaproxy({ app: [{ ...web1, admin: 1, agent: 'up', agentEnabled: false }] });
    const { host } = await check(fake, held({ lines: [] }));
    assert.equal(host.lines[0]?.agent, true);
  });
});

describe('a line that belongs to another host after a reload or a new address', () => {
  const moved = { name: 'web1', ip: '10.0.0.2', passes: true, admin: 1 } as const;
  const here = { name: 'web7', ip: '10.0.0.1', admin: 1 } as const;
  /** It counts as down until its check passes. */
  const putIn = ['state drain', 'health down', 'state ready'].map((what) => `set server app/web1 ${what}`);

  test('is enabled again, with its agent-check if that was on', async () => {
    const fake = fakeHaproxy({ app: [{ ...moved, agent: 'up', agentEnabled: false }, here] });
    await check(fake, held({ lines: [line({ agent: true })] }));
    assert.deepEqual(fake.changes(), [...putIn, 'enable agent app/web1']);
    const off = fakeHaproxy({ app: [{ ...moved, agent: 'up', agentEnabled: false }, here] });
    await check(off);
    assert.deepEqual(off.changes(), putIn);
    const none = fakeHaproxy({ app: [moved, here] });
    await check(none, held({ lines: [line({ agent: true })] }));
    assert.deepEqual(none.changes(), putIn, 'HAProxy has no agent-check for it');
  });

  test('is enabled at once if it has no check that could pass', async () => {
    const { passes: _none, ...unchecked } = moved;
    for (const one of [unchecked, { ...moved, tracked: 'app/web8' }]) {
      const fake = fakeHaproxy({ app: [one, here, { name: 'web8', ip: '10.0.0.8' }] });
      await check(fake);
      assert.deepEqual(fake.changes(), ['set server app/web1 state ready']);
    }
  });

  test('gets the agent-check of that line, not that of another line of the host', async () => {
    const lines = (first: boolean) => [line({ agent: first }), line({ server: 'web7', agent: !first })];
    for (const [agent, commands] of [
      [true, [...putIn, 'enable agent app/web1']],
      [false, putIn],
    ] as const) {
      const fake = fakeHaproxy({ app: [{ ...moved, agent: 'up', agentEnabled: false }, here] });
      await check(fake, held({ lines: lines(agent) }));
      assert.deepEqual(fake.changes(), commands);
    }
  });

  test('is left unchanged if it is not in maintenance by command', async () => {
    const fake = fakeHaproxy({ app: [{ ...moved, admin: 0x08 }, here] });
    await check(fake);
    assert.deepEqual(fake.changes(), []);
  });

  test('is left in maintenance for another held host, unless that one is held elsewhere', async () => {
    const fake = () => fakeHaproxy({ app: [moved, here] });
    const other = held({ host: 'dev2', addresses: ['10.0.0.2'] });
    const kept = fake();
    await check(kept, held(), [other]);
    assert.deepEqual(kept.changes(), []);
    const elsewhere = fake();
    await check(elsewhere, held(), [{ ...other, backends: ['static'] }]);
    assert.deepEqual(elsewhere.changes(), putIn);
  });

  test('stays in maintenance if no hold ever named it', async () => {
    const fake = fakeHaproxy({ app: [{ ...moved, name: 'web3' }, here] });
    await check(fake);
    assert.deepEqual(fake.changes(), []);
    const sameAddress = fakeHaproxy({
      app: [
        { ...web1, admin: 1 },
        { ...web1, name: 'web4', admin: 1, ip: '10.0.0.4' },
      ],
    });
    await check(sameAddress, held({ lines: [line(), line({ server: 'web4', address: '10.0.0.4:80' })] }));
    assert.deepEqual(sameAddress.changes(), [], 'it leads where it led');
    const own = fakeHaproxy({ app: [{ ...web1, port: 81, admin: 1 }] });
    await check(own);
    assert.deepEqual(own.changes(), [], 'it leads to the host, at another port');
  });
});
