import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countAvailable, findDoubt, guardCapacity } from '../../../../../src/agents/haproxy/servers/capacity.ts';
import { linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const down = { operational: 0, status: 'DOWN' };
const app = backendView('app', [server('a'), server('b'), server('c', down), server('s', { backup: true })]);
const lines = (view: typeof app, ...names: string[]) =>
  linesOf([view]).filter((line) => names.includes(line.server.name));

describe('capacity', () => {
  test('counts the serving servers of the process that has the fewest, without backups', () => {
    assert.equal(countAvailable([app]), 2);
    const other = backendView('app', [server('a'), server('b', { admin: 1, status: 'MAINT' })], '/run/other.sock');
    assert.equal(countAvailable([app, other]), 1);
  });

  test('lets servers leave that serve nothing, even when too few are left', () => {
    assert.equal(guardCapacity([app], lines(app, 'c'), 5), 2);
    assert.throws(() => guardCapacity([app], lines(app, 'a'), 2), { code: 'too-few-servers' });
    assert.equal(guardCapacity([app], lines(app, 'a'), 1), 1);
  });

  test('counts an active server that is assumed to be in if none serves now', () => {
    const dark = backendView('app', [server('a', down), server('s', { ...down, backup: true })]);
    assert.equal(countAvailable([dark]), 0);
    assert.equal(countAvailable([dark], { in: lines(dark, 'a', 's') }), 1);
    assert.equal(countAvailable([dark], { in: lines(dark, 'a') }), 1, 'a backup that is down counts for nothing');
  });

  test('is refused with the names of the servers that would be taken out', () => {
    assert.throws(() => guardCapacity([app], lines(app, 'a', 'b'), 1), {
      message:
        'taking a, b out would leave 0 usable servers in the backend “app” at /run/haproxy.sock, and 1 must be left',
    });
  });

  test('protects every backend of a host', () => {
    const canary = backendView('canary', [server('a')]);
    const out = [...lines(app, 'a'), ...lines(canary, 'a')];
    assert.throws(() => guardCapacity([app, canary], out, 1), { message: /0 usable servers in the backend “canary”/ });
    assert.equal(guardCapacity([app, canary], out, 0), 0);
  });

  test('counts servers from SRV records: taking all of them out is refused', () => {
    const srv = backendView('app', [server('web1', { admin: 0x40 }), server('web2', { admin: 0x40 })]);
    assert.equal(countAvailable([srv]), 2);
    assert.throws(() => guardCapacity([srv], linesOf([srv]), 1), { code: 'too-few-servers' });
  });

  test('counts backups if only they serve', () => {
    const sorry = backendView('app', [server('a', down), server('s', { backup: true })]);
    assert.throws(() => guardCapacity([sorry], lines(sorry, 's'), 1), { code: 'too-few-servers' });
    assert.equal(guardCapacity([sorry], lines(sorry, 'a'), 1), 1);
  });
});

describe('a decision on capacity', () => {
  test('is refused if HAProxy counts otherwise', () => {
    assert.equal(findDoubt([app]), undefined);
    for (const wrong of [{ active: 3 }, { active: 1 }, { backups: 0 }]) {
      const doubt = findDoubt([{ ...app, ...wrong }]);
      assert.equal(doubt?.code, 'haproxy-disagrees');
      assert.match(doubt?.message ?? '', /“app” at .* by HAProxy’s own count, and 2 and 1 by the state of each/);
    }
  });

  test('is refused for an unknown state', () => {
    for (const odd of [{ admin: 0x80 }, { operational: 7 }, { status: 'SLEEPING' }]) {
      assert.equal(findDoubt([backendView('app', [server('a', odd)])])?.code, 'haproxy-unknown-state');
    }
  });
});
