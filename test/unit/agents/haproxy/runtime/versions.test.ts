import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasCommand, requireCommands } from '../../../../../src/agents/haproxy/runtime/commands.ts';
import { isAnother, parseInfo, readInfo } from '../../../../../src/agents/haproxy/runtime/process.ts';
import { readViews, refreshViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import { findDoubt } from '../../../../../src/agents/haproxy/servers/capacity.ts';
import { inMaintenance, inRotation } from '../../../../../src/agents/haproxy/servers/state.ts';
import { recorded } from '../../../../support/agents/haproxy/recorded-haproxy.ts';

const signal = new AbortController().signal;
for (const [version, full] of [
  ['2.2', '2.2.9-2+deb11u6'],
  ['2.6', '2.6.12-1+deb12u4'],
  ['3.0', '3.0.11-1+deb13u4'],
  ['3.2', '3.2.26-1'],
] as const) {
  describe(`HAProxy ${version}`, () => {
    test('reports its identity', async () => {
      const info = await readInfo(recorded(version), signal);
      assert.equal(info.version, full);
      assert.ok(info.pid > 1 && info.uptime >= 0);
      assert.equal(info.started === undefined, version === '2.2');
    });

    test('reports its servers in columns with the same names', async () => {
      const [view] = await readViews([recorded(version)], signal);
      const servers = view?.servers.map((one) => [
        one.name,
        one.address,
        one.status,
        one.check,
        one.weight,
        one.initialWeight,
        one.backup,
        inMaintenance(one),
        inRotation(one),
      ]);
      assert.deepEqual(servers, [
        ['web1', '127.0.0.1:1', 'DOWN', 'L4CON: Connection refused', 1, 1, false, false, false],
        ['web2', '127.0.0.1:2', 'no check', 'no check', 20, 20, false, false, true],
        ['web3', '127.0.0.1:3', 'MAINT', '', 1, 1, true, true, false],
      ]);
      assert.ok(view);
      assert.equal(findDoubt([view]), undefined, 'its own count agrees');
      assert.equal(view.backend, 'app');
      const gone = { ...view, backend: 'nosuch' };
      assert.deepEqual(await refreshViews([gone], signal), []);
      assert.deepEqual((await refreshViews([view], signal))[0]?.servers, view.servers);
    });

    test('has the required commands', async () => {
      await requireCommands([recorded(version)], ['set server', 'shutdown sessions server'], signal);
    });
  });
}

describe('a HAProxy', () => {
  test('is detected before any change if it lacks a command or allows no changes', async () => {
    const old = '  set weight     : change a server’s weight\n  show stat      : report counters\n';
    const lacking = recorded('2.2', { help: old });
    await assert.rejects(requireCommands([lacking], ['set server'], signal), {
      code: 'haproxy-lacks',
      message: /^HAProxy 2\.2\.9\S* at .* has no command “set server”$/,
    });
    const reading = recorded('3.2', { 'show cli level': 'operator' });
    await assert.rejects(requireCommands([reading], [], signal), { code: 'haproxy-not-admin' });
    assert.equal(hasCommand('  set serverless <x> : no', 'set server'), false);
  });

  test('is reported if it replies in another form, and never treated as empty', async () => {
    for (const other of [
      { 'show stat -1 6 -1': 'Permission denied' },
      { 'show stat -1 6 -1': '' },
      { 'show servers state': '2\n# be_id be_name\n' },
      { 'show servers state': 'Can’t find backend.' },
      { 'show stat -1 6 -1': '# pxname,svname,type\napp,web1,2\napp,BACKEND,1' },
    ]) {
      const asked = readViews([recorded('2.6', other)], signal);
      await assert.rejects(asked, { code: 'haproxy-answer' }, JSON.stringify(other));
    }
    for (const answer of ['', 'Permission denied', 'Pid: x\nUptime_sec: 1', 'Pid: 1']) {
      assert.throws(() => parseInfo(answer, 'x'), { code: 'haproxy-answer' }, answer);
    }
  });

  test('is another process if its id, its start or a lower uptime shows it', () => {
    const known = { version: '3.0.1', pid: 8, uptime: 100, started: 1000 };
    assert.equal(isAnother(known, { ...known, uptime: 200 }), false);
    assert.equal(isAnother(known, { ...known, pid: 9 }), true);
    assert.equal(isAnother(known, { ...known, started: 1099, uptime: 300 }), true);
    const silent = { ...known, started: undefined };
    assert.equal(isAnother(silent, { ...silent, uptime: 101 }), false);
    assert.equal(isAnother(silent, { ...silent, uptime: 3 }), true);
  });
});
