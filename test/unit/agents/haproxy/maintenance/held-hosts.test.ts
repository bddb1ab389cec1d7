import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addBreaks,
  agentWasOn,
  type Break,
  beginHold,
  confirmHolds,
  endHold,
  findHeldLine,
  type HeldHost,
  type HeldLine,
  heldOnly,
  outSinceOf,
  toHeldLines,
} from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { resolveHosts } from '../../../../../src/agents/haproxy/servers/host.ts';
import { linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import { scopeHosts } from '../../../../../src/agents/haproxy/servers/scope.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { adminBits } from '../../../../../src/agents/haproxy/servers/state.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const socket = '/run/haproxy.sock';
const agentOn = { configured: true, enabled: true, asking: false, status: '', words: '', health: 1 };
const views = [
  backendView('app', [server('web1', { ip: '10.0.0.1', agent: agentOn, total: 40, fqdn: 'dev1.net' })]),
  backendView('static', [server('s1', { ip: '10.0.0.1', port: 8080 })]),
];
const all = linesOf(views);
const everything = { backends: undefined, ports: [] };
const hostOf = (name: string, narrowing: { backends: readonly string[] | undefined; ports: readonly number[] }) => {
  const hosts = resolveHosts([name], views, { map: {}, addresses: new Map(), held: [] });
  const [host] = scopeHosts(hosts, views, narrowing).hosts;
  assert.ok(host);
  return host;
};
const heldLine = (changes: Partial<HeldLine> = {}): HeldLine => ({
  ...{ socket, backend: 'app', server: 'web1', address: '10.0.0.1:80', agent: false, total: 0 },
  ...changes,
});
const held = (changes: Partial<HeldHost> = {}): HeldHost => ({
  ...{
    host: 'web1',
    addresses: [],
    fqdns: [],
    ports: [],
    lines: [heldLine()],
    stage: 'out',
    breaks: [],
    processes: {},
  },
  ...changes,
});
const origin = { caller: 'cert=rip', runId: 'run1' };

describe('the lines of a held host', () => {
  const [web1] = all;
  assert.ok(web1);

  test('are recorded unchanged, with the agent-check from before the host was disabled', () => {
    const record = (before: readonly HeldLine[], was: boolean) => toHeldLines([web1], before, () => was);
    assert.deepEqual(record([], true), [heldLine({ agent: true, total: 40 })]);
    assert.deepEqual(record([heldLine({ agent: false })], true), [heldLine({ total: 40 })]);
    assert.deepEqual(record([heldLine({ agent: true })], false), [heldLine({ agent: true, total: 40 })]);
  });

  test('are recorded with their last address while they have none, and with the new one once they lead elsewhere', () => {
    const addressOf = (line: Partial<Server>) => {
      const lines = linesOf([backendView('app', [server('web1', line)])]);
      return toHeldLines(lines, [heldLine({ address: '10.0.0.1:80' })], () => false)[0]?.address;
    };
    assert.equal(addressOf({ ip: '', admin: adminBits.unresolved }), '10.0.0.1:80');
    assert.equal(addressOf({ ip: '10.0.0.5' }), '10.0.0.5:80');
  });

  test('are recognized by socket, backend, name and address together', () => {
    assert.ok(findHeldLine([heldLine()], web1));
    for (const other of [
      { socket: '/run/b.sock' },
      { backend: 'static' },
      { server: 'web2' },
      { address: '10.0.0.1:81' },
    ])
      assert.equal(findHeldLine([heldLine(other)], web1), undefined, JSON.stringify(other));
  });

  test('have the agent-check as recorded, of this socket in preference to one of another path', () => {
    const other = heldLine({ socket: '/run/b.sock', agent: true });
    assert.equal(agentWasOn([other], web1), true);
    assert.equal(agentWasOn([other, heldLine({ agent: false })], web1), false);
    assert.equal(agentWasOn([], web1), undefined);
    for (const change of [{ address: '10.0.0.2:80' }, { backend: 'ws' }, { server: 'web2' }])
      assert.equal(agentWasOn([{ ...other, ...change }], web1), undefined, JSON.stringify(change));
  });

  test('are those of its backends and ports, all of them if it has none', () => {
    const count = (changes: Partial<HeldHost>) => heldOnly(held(changes), all).map((line) => line.server.name);
    assert.deepEqual(count({}), ['web1', 's1']);
    assert.deepEqual(count({ backends: ['static'] }), ['s1']);
    assert.deepEqual(count({ ports: [80] }), ['web1']);
    assert.deepEqual(count({ backends: ['static'], ports: [80] }), []);
  });
});

test('keep the latest twenty breaks of the host', () => {
  const one = (at: number): Break => ({ at, socket, line: 'app/web1', cause: '', where: '' });
  const nineteen = Array.from({ length: 19 }, (_, at) => one(at));
  assert.equal(addBreaks(held({ breaks: nineteen }), [one(19)]).length, 20);
  const kept = addBreaks(held({ breaks: [...nineteen, one(19)] }), [one(20), one(21)]);
  assert.deepEqual([kept.length, kept[0]?.at, kept.at(-1)?.at], [20, 2, 21]);
});

describe('the start of a hold', () => {
  test('records what identifies the host, its lines, and who disabled it', () => {
    const began = Date.now();
    const { since = 0, ...rest } = beginHold(hostOf('web1', everything), everything, undefined, origin);
    assert.ok(since >= began && since <= Date.now());
    assert.deepEqual(rest, {
      ...{ host: 'web1', addresses: ['10.0.0.1'], fqdns: ['dev1.net'], ports: [], stage: 'leaving' },
      lines: [
        heldLine({ agent: true, total: 40 }),
        heldLine({ backend: 'static', server: 's1', address: '10.0.0.1:8080' }),
      ],
      ...{ caller: 'cert=rip', run: 'run1', breaks: [], processes: {} },
    });
  });

  test('has no time or caller for a host that was already out', () => {
    const began = beginHold(hostOf('web1', everything), everything, undefined, undefined);
    assert.deepEqual([began.since, began.caller, began.run], [undefined, undefined, undefined]);
  });

  test('keeps the first time, caller and run, breaks and processes of an earlier hold', () => {
    const processes = { [socket]: { version: '3.0', pid: 1, uptime: 1, started: 1 } };
    const breaks = [{ at: 1, socket, line: 'app/web1', cause: 'c', where: 'w' }];
    const before = held({ since: 5, caller: 'cert=other', run: 'run0', breaks, processes, outSince: 6 });
    const again = beginHold(hostOf('web1', everything), everything, before, origin);
    assert.deepEqual([again.since, again.caller, again.run], [5, 'cert=other', 'run0']);
    assert.deepEqual([again.breaks, again.processes], [breaks, processes]);
    assert.equal(again.outSince, undefined, 'it is taken out again: since when it is out is not confirmed yet');
    const staying = beginHold(hostOf('web1', everything), everything, before, undefined);
    assert.equal(staying.outSince, 6, 'it was out all the while');
    const nameless = beginHold(hostOf('web1', everything), everything, held({ since: 5 }), origin);
    assert.deepEqual([nameless.since, nameless.caller, nameless.run], [5, '', '']);
    assert.equal(beginHold(hostOf('web1', everything), everything, held(), origin).since, undefined);
  });

  test('keeps all addresses and host names that the host ever had', () => {
    const before = held({ addresses: ['10.0.0.9'], fqdns: ['old.net'] });
    const again = beginHold(hostOf('web1', everything), everything, before, origin);
    assert.deepEqual(
      [again.addresses, again.fqdns],
      [
        ['10.0.0.9', '10.0.0.1'],
        ['old.net', 'dev1.net'],
      ],
    );
  });

  test('keeps the earlier lines that the call does not concern', () => {
    const app = { backends: ['app'], ports: [] };
    const before = held({ backends: ['static'], lines: [heldLine({ backend: 'static', server: 's1' }), heldLine()] });
    const again = beginHold(hostOf('web1', app), app, before, origin);
    assert.deepEqual(
      again.lines.map(({ backend, server: name, total }) => [backend, name, total]),
      [
        ['static', 's1', 0],
        ['app', 'web1', 40],
      ],
    );
    assert.deepEqual(again.backends, ['static', 'app']);
  });

  test('keeps what was known of an agent-check, and has each line once', () => {
    const host = hostOf('web1', everything);
    const lines = [heldLine(), heldLine({ backend: 'static', server: 's1', address: '10.0.0.1:8080', agent: true })];
    assert.deepEqual(
      beginHold(host, everything, held({ lines }), origin).lines.map(({ backend, agent }) => [backend, agent]),
      [
        ['app', false],
        ['static', true],
      ],
    );
    assert.deepEqual(
      beginHold(host, everything, undefined, origin).lines.map(({ agent }) => agent),
      [true, false],
    );
  });

  test('covers every backend if the host was held out of all, and otherwise those of both calls', () => {
    const app = { backends: ['app'], ports: [] };
    assert.equal(beginHold(hostOf('web1', app), app, held(), origin).backends, undefined);
    assert.equal(beginHold(hostOf('web1', app), everything, held({ backends: ['app'] }), origin).backends, undefined);
    assert.deepEqual(beginHold(hostOf('web1', app), app, undefined, origin).backends, ['app']);
    assert.deepEqual(beginHold(hostOf('web1', app), app, held({ backends: ['app'] }), origin).backends, ['app']);
  });

  test('covers every port if the host was held at all, and otherwise those of both calls', () => {
    const at80 = { backends: undefined, ports: [80] };
    const host = hostOf('web1', at80);
    assert.deepEqual(beginHold(host, at80, held({ ports: [] }), origin).ports, []);
    assert.deepEqual(beginHold(host, at80, held({ ports: [81, 80] }), origin).ports, [81, 80]);
    assert.deepEqual(beginHold(host, at80, undefined, origin).ports, [80]);
  });

  test('covers only the port of a host that was requested as ADDRESS:PORT', () => {
    assert.deepEqual(beginHold(hostOf('10.0.0.1:8080', everything), everything, undefined, origin).ports, [8080]);
    assert.deepEqual(beginHold(hostOf('10.0.0.1', everything), everything, undefined, origin).ports, []);
    const nowhere = { ...hostOf('web1', everything), chosen: [] };
    assert.deepEqual(beginHold(nowhere, { ...everything, ports: [81] }, undefined, origin).ports, [81]);
  });
});

describe('the confirmation of a hold', () => {
  const confirm = async (hosts: readonly HeldHost[]) => {
    const put: HeldHost[] = [];
    const watch = { hosts: () => hosts, put: async (more: readonly HeldHost[]) => void put.push(...more) };
    const processes = { [socket]: { version: '3.0', pid: 2, uptime: 1, started: 1 } };
    await confirmHolds(watch, [hostOf('web1', everything)], views, processes);
    return put;
  };

  test('sets the start to now, with the lines and the process that were seen', async () => {
    const began = Date.now();
    const other = { version: '3.0', pid: 1, uptime: 1, started: 1 };
    const gone = heldLine({ server: 'gone' });
    const before = held({ stage: 'leaving', lines: [gone, heldLine({ agent: true })], processes: { '/b': other } });
    const [one] = await confirm([before]);
    assert.equal(one?.stage, 'out');
    assert.ok((one.outSince ?? 0) >= began && (one.outSince ?? 0) <= Date.now());
    assert.deepEqual(Object.keys(one.processes), ['/b', socket]);
    assert.deepEqual(one.lines, [
      gone,
      heldLine({ agent: true, total: 40 }),
      heldLine({ backend: 'static', server: 's1', address: '10.0.0.1:8080' }),
    ]);
  });

  test('does not change the start of the outage', async () =>
    assert.equal((await confirm([held({ outSince: 7 })]))[0]?.outSince, 7));

  test('does nothing for a host that is not held', async () =>
    assert.deepEqual(await confirm([held({ host: 'web9' })]), []));

  test('has the start of the outage if that is known', () => {
    const hosts = [held({ host: 'web0', outSince: 1 }), held({ outSince: 7 }), held({ host: 'web2' })];
    assert.deepEqual(outSinceOf(hosts, 'web1'), { out_since: 7 });
    assert.deepEqual(outSinceOf(hosts, 'web2'), {});
    assert.deepEqual(outSinceOf(hosts, 'web9'), {});
  });
});

describe('the end of a hold', () => {
  const two = [heldLine(), heldLine({ backend: 'static', server: 's1', address: '10.0.0.1:8080' })];
  const [web1] = all;
  assert.ok(web1);

  test('is complete if everything is enabled, even a line that is gone', () => {
    const gone = heldLine({ server: 'gone' });
    assert.equal(endHold(held({ lines: [...two, gone] }), hostOf('web1', everything), everything), undefined);
    const both = { backends: ['app', 'static'], ports: [] };
    assert.equal(endHold(held({ lines: two }), hostOf('web1', both), both), undefined);
  });

  test('covers what a call was limited to, and the rest stays held from now on', () => {
    const began = Date.now();
    const before = held({ lines: two, ports: [80, 8080], stage: 'entering', outSince: 1 });
    const app = { backends: ['app'], ports: [] };
    const left = endHold(before, hostOf('web1', app), app);
    assert.deepEqual([left?.backends, left?.ports, left?.stage], [['static'], [80, 8080], 'out']);
    assert.deepEqual(left?.lines, [two[1]]);
    assert.ok((left?.outSince ?? 0) >= began);
    const port = { backends: undefined, ports: [8080] };
    const byPort = endHold(held({ lines: [...two, heldLine({ server: 'web2' })] }), hostOf('web1', port), port);
    assert.deepEqual([byPort?.backends, byPort?.ports], [['app'], [80]]);
  });

  test('leaves lines that stayed out, although the call was about everything', () => {
    const own = { ...hostOf('web1', everything), chosen: [web1] };
    assert.deepEqual(endHold(held({ lines: two }), own, everything)?.backends, ['static']);
  });
});
