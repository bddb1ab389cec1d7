import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { trackChanges } from '../../../../../src/agents/haproxy/actions/undo.ts';
import { defineHostEntry } from '../../../../../src/agents/haproxy/into-traffic/enable-host.ts';
import type { ServerLine } from '../../../../../src/agents/haproxy/servers/line.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const { signal } = new AbortController();
const maint: Partial<Server> = { admin: 1, status: 'MAINT' };
/** A server in drain: before its check passes, and after. */
const fresh: Partial<Server> = { admin: 8, status: 'DRAIN', health: 2, top: 4 };
const passed: Partial<Server> = { ...fresh, health: 4 };
const down: Partial<Server> = { operational: 0, status: 'DOWN', check: 'L4CON' };

/** A host with the lines app/web1 at /a and app/web2 at /b, and the follower ws/web1 at /a. */
function entering(began: Partial<Server> = maint) {
  const asked: string[] = [];
  const line = (socket: string, backend: string, name: string, fields: Partial<Server>): ServerLine => {
    const ask = async (command: string) => {
      await setImmediate();
      asked.push(`${socket} ${command.replaceAll('set server ', '')}`);
      return '';
    };
    return {
      view: { ...backendView(backend, [], socket), runtime: { name: socket, ask } },
      server: server(name, fields),
    };
  };
  const first = (fields: Partial<Server>) => line('/a', 'app', 'web1', fields);
  const second = (fields: Partial<Server>) => line('/b', 'app', 'web2', fields);
  const follower = (fields: Partial<Server>) => line('/a', 'ws', 'web1', fields);
  const chosen = [first(began), second(began)];
  const host = { name: 'dev1', lines: chosen, chosen, followers: [follower(began)], elsewhere: [] };
  const entry = defineHostEntry(host, () => false, trackChanges(), signal);
  const told = async (act: Promise<void>) => {
    asked.length = 0;
    await act;
    return [...asked];
  };
  return { entry, told, first, second, follower };
}

/** Both lines in drain and checked. */
async function checked() {
  const one = entering();
  const { entry, first, second } = one;
  await entry.begin();
  for (const fields of [fresh, passed]) await entry.advance([first(fields), second(fields)]);
  return one;
}

describe('a host with several lines', () => {
  test('has all of them go into drain, one after the other', async () => {
    const { entry, told } = entering();
    assert.deepEqual(await told(entry.begin()), [
      '/a app/web1 state drain; app/web1 health down',
      '/b app/web2 state drain; app/web2 health down',
    ]);
  });

  test('is not enabled on any before each has passed its check', async () => {
    const { entry, told, first, second } = entering();
    await entry.begin();
    await entry.advance([first(fresh), second(fresh)]);
    assert.deepEqual(await told(entry.advance([first(passed), second(fresh)])), []);
    assert.deepEqual(await told(entry.advance([first(passed), second(passed)])), [], 'the second has passed only now');
    const ready = ['/a app/web1 state ready', '/b app/web2 state ready'];
    assert.deepEqual(await told(entry.advance([first(passed), second(passed)])), ready);
  });

  test('is in once all lines and all that follow them get requests', async () => {
    const { entry, first, second, follower } = await checked();
    const at = async (...fields: [Partial<Server>, Partial<Server>, Partial<Server>]) => {
      await entry.advance([first(fields[0]), second(fields[1]), follower(fields[2])]);
      return entry.isIn();
    };
    assert.equal(await at(passed, passed, {}), false);
    assert.equal(await at({}, down, {}), false);
    assert.equal(await at({}, {}, { admin: 2 }), false);
    assert.equal(await at({}, {}, {}), true);
    assert.equal(await at({}, {}, down), false, 'it looks at what follows each time');
  });

  test('skips a line that is gone, and one that is in', async () => {
    const { entry, told, first, second } = await checked();
    assert.deepEqual(await told(entry.advance([second(passed)])), ['/b app/web2 state ready']);
    await entry.advance([second({})]);
    assert.equal(entry.isIn(), false);
    assert.deepEqual(await told(entry.advance([first(passed), second(down)])), ['/a app/web1 state ready']);
    await entry.advance([first({}), second(down)]);
    assert.equal(entry.isIn(), true, 'what becomes of a line that is in is a later check’s');
  });
});

describe('the reason that a host is not in', () => {
  test('lists each line that is not in', async () => {
    const { entry, first, second } = await checked();
    await entry.advance([first(passed), second(passed)]);
    await entry.advance([first(down), second({ ...down, check: 'L4TOUT' })]);
    assert.equal(entry.reason(), 'app/web1: L4CON; app/web2: L4TOUT');
    await entry.advance([first({}), second(down)]);
    assert.equal(entry.reason(), 'app/web2: L4CON');
  });

  test('omits the name of the only line, and appears once if two lines with one name give the same', async () => {
    const view = backendView('app', []);
    const of = async (count: number) => {
      const lines = Array.from({ length: count }, () => ({ view, server: server('web1', down) }));
      const host = { name: 'dev1', lines, chosen: lines, followers: [], elsewhere: [] };
      const entry = defineHostEntry(host, () => false, trackChanges(), signal);
      await entry.advance(lines);
      return entry.reason();
    };
    assert.deepEqual([await of(1), await of(2)], ['L4CON', 'app/web1: L4CON']);
  });

  test('covers tracking lines only if all lines are in', async () => {
    const { entry, first, second, follower } = await checked();
    await entry.advance([first(passed), second(passed), follower(down)]);
    await entry.advance([first({}), second(down), follower(down)]);
    assert.equal(entry.reason(), 'app/web2: L4CON');
    await entry.advance([first({}), second({}), follower({ admin: 2, tracked: 'app/web1', status: 'MAINT' })]);
    assert.equal(entry.reason(), 'ws/web1: it follows app/web1, which is not in');
    await entry.advance([first({}), second({}), follower({})]);
    assert.equal(entry.reason(), '');
  });
});

describe('an enabled host after a reload', () => {
  test('has only the lines of that process start again, with a check in the new one', async () => {
    const { entry, told, first, second, follower } = await checked();
    await entry.advance([first(passed), second(passed)]);
    await entry.advance([first({}), second({}), follower({})]);
    assert.equal(entry.isIn(), true);
    const again = entry.beginAgain(['/a'], [first(maint), second(maint)]);
    assert.deepEqual(await told(again), ['/a app/web1 state drain; app/web1 health down']);
    assert.equal(entry.isIn(), false);
    await entry.advance([first(fresh), second({}), follower({})]);
    assert.deepEqual([await told(entry.advance([first(passed), second({}), follower({})])), entry.isIn()], [[], false]);
    const let_in = await told(entry.advance([first(passed), second({}), follower({})]));
    assert.deepEqual(let_in, ['/a app/web1 state ready']);
  });

  test('needs the check of a line that comes back in to pass, too', async () => {
    const { entry, told, first, second, follower } = await checked();
    await entry.beginAgain(['/a'], [first({ health: 2, top: 4 }), second(passed)]);
    const look = () => told(entry.advance([first({ health: 4, top: 4 }), second(passed), follower({})]));
    assert.deepEqual([await look(), await look()], [[], []], 'the other line waits for it');
    assert.deepEqual(await look(), ['/a app/web1 state ready', '/b app/web2 state ready']);
    assert.equal(entry.isIn(), false);
  });

  test('keeps the state of a line that is gone', async () => {
    const { entry, told, second } = await checked();
    assert.deepEqual(await told(entry.beginAgain(['/a'], [second(maint)])), []);
    assert.deepEqual(await told(entry.advance([second(passed)])), ['/b app/web2 state ready']);
  });
});
