import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { breakOf, type Found, unexpectedSessions } from '../../../../../src/agents/haproxy/maintenance/cause.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const before = { socket: '/run/a', backend: 'app', server: 'web1', address: '10.0.0.1:80', agent: false, total: 0 };
const known = { version: '3.0', pid: 7, uptime: 60, started: 1_700_000_000 };
const found = (fields: Partial<Server> = {}, changes: Partial<Found> = {}): Found => ({
  line: { view: backendView('app', [], '/run/a'), server: server('web1', { ip: '10.0.0.1', ...fields }) },
  before,
  processes: { known, now: { ...known, uptime: 61 } },
  ...changes,
});
const agent = { configured: true, enabled: true, asking: false, status: 'L7OK', words: 'via agent : up', health: 1 };

describe('the cause that put a held host into traffic', () => {
  test('is a person or a tool if nothing else explains it', () => {
    assert.deepEqual(breakOf(found(), 5), {
      at: 5,
      socket: '/run/a',
      line: 'app/web1',
      cause: 'a person or another tool put it in by a command to HAProxy',
      where: 'HAProxy’s log: “Server app/web1 is UP/READY (leaving forced maintenance)”',
    });
  });

  test('is a reload, whatever else is found, with the two processes', () => {
    const now = { ...known, pid: 8, uptime: 0, started: 1_700_000_100 };
    assert.deepEqual(breakOf(found({ agent }, { processes: { known, now }, before: undefined }), 5), {
      at: 5,
      socket: '/run/a',
      line: 'app/web1',
      cause: 'HAProxy was reloaded or restarted, and forgot that it is in maintenance',
      where:
        '“show info” at /run/a: process 8 of 2023-11-14T22:15:00.000Z, before it was process 7 of 2023-11-14T22:13:20.000Z',
    });
    const old = { known: { ...known, started: undefined }, now: { ...now, started: undefined } };
    assert.equal(
      breakOf(found({}, { processes: old }), 5).where,
      '“show info” at /run/a: process 8, before it was process 7',
    );
  });

  test('does not count as a reload if the earlier process is unknown', () => {
    const cause = breakOf(found({}, { processes: { known: undefined, now: known } }), 5).cause;
    assert.equal(cause, 'a person or another tool put it in by a command to HAProxy');
  });

  test('is an agent-check that is on, by its own result or its status', () => {
    const { cause, where } = breakOf(found({ agent }), 5);
    assert.equal(cause, 'its agent-check, which something switched on again, put it in (it said “via agent : up”)');
    assert.equal(where, '“show stat” at /run/a, columns “agent_status” and “last_agt” of app/web1');
    assert.match(breakOf(found({ agent: { ...agent, words: '' } }), 5).cause, /it said “L7OK”/);
  });

  test('is a new address, for a line that was not a line of the host before', () => {
    const { cause, where } = breakOf(found({}, { before: undefined }), 5);
    assert.equal(cause, 'the line leads to the host since its address was changed at run time (now 10.0.0.1:80)');
    assert.equal(where, '“show servers state app” at /run/a');
  });
});

describe('requests that reached a host that is out', () => {
  test('came from a reload, or because it was enabled for a moment', () => {
    const where = '“show stat” at /run/a, column “stot” of app/web1';
    assert.deepEqual(unexpectedSessions(found(), 3, 5), {
      ...{ at: 5, socket: '/run/a', line: 'app/web1', where },
      cause:
        'it got 3 requests: something put it in for a moment, or sends requests all the same (“option persist”, “force-persist”, or a retry without “option redispatch”)',
    });
    const reloaded = unexpectedSessions(found({}, { processes: { known, now: { ...known, pid: 8 } } }), 3, 5);
    assert.match(reloaded.cause, /^it got 3 requests: HAProxy was reloaded or restarted and sent them before/);
  });
});
