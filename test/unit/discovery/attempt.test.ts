import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { Dial, NodeConnection } from '../../../src/core/ports.ts';
import { type AttemptOptions, attempt } from '../../../src/discovery/attempt.ts';
import { mockDelays, someTurns } from '../../support/mock-delays.ts';

/** A connection that counts its closes, and never describes itself. */
function silentConnection() {
  let closed = 0;
  const connection = { name: 'dev2', describe: () => new Promise(() => {}), close: () => void closed++ };
  return { connection: connection as unknown as NodeConnection, closed: () => closed };
}

const request = { filter: noFilter, facts: [], full: false, peers: false };

describe('an attempt on a candidate', () => {
  const start = (dial: Dial, more: Partial<AttemptOptions> = {}) =>
    attempt(
      { name: 'dev2', addresses: [], source: 'file' },
      {
        dial,
        describing: () => ({ request }),
        keep: true,
        timeout: 5000,
        signal: new AbortController().signal,
        ...more,
      },
    );

  test('closes a connection that is made after it was given up, by its caller or by its time', async () => {
    using delays = mockDelays();
    for (const [how, code] of [
      ['caller', 'cancelled'],
      ['time', 'no-response'],
      ['rumours', 'cancelled'],
    ] as const) {
      const [late, control] = [silentConnection(), new AbortController()];
      const dialling = Promise.withResolvers<NodeConnection>();
      const begun = start(
        () => dialling.promise,
        how === 'rumours' ? { unlessProven: control.signal } : { signal: control.signal },
      );
      await someTurns();
      if (how === 'time') await delays.pass(5000);
      else control.abort(new Problem('cancelled', 'no longer'));
      const { proven, result } = await begun;
      assert.deepEqual([proven, result instanceof Problem && result.code], [false, code], how);
      dialling.resolve(late.connection);
      await someTurns();
      assert.equal(late.closed(), 1, how);
    }
  });

  test('closes the connection of a node that does not describe itself, and leaves nothing on the signal', async () => {
    using delays = mockDelays();
    const [{ connection, closed }, control] = [silentConnection(), new AbortController()];
    const begun = start(async () => connection, { signal: control.signal });
    await someTurns();
    await delays.pass(5000);
    const { proven, result } = await begun;
    assert.deepEqual([proven, result instanceof Problem && result.code], [true, 'no-response']);
    assert.equal(closed(), 1);
    assert.equal(getEventListeners(control.signal, 'abort').length, 0);
  });

  test('uses a connection that needs no dialling, and gives its node the time to describe itself', async () => {
    using delays = mockDelays();
    const [{ connection, closed }, control] = [silentConnection(), new AbortController()];
    const recall = (name: string) => (name === 'dev2' ? connection : undefined);
    const dial = () => assert.fail('nothing is dialled here');
    const ask = async () => true;
    const asked = await start(dial, { recall, ask, describing: () => ({ request, describe: false }) });
    assert.deepEqual([asked.proven, asked.result instanceof Problem], [true, false]);
    const begun = start(dial, { recall, signal: control.signal });
    await someTurns();
    await delays.pass(5000);
    const { proven, result } = await begun;
    assert.deepEqual([proven, result instanceof Problem && result.code], [true, 'no-response']);
    assert.equal(closed(), 1);
    control.abort(new Problem('cancelled', 'no longer'));
    const late = await start(dial, { recall, ask: () => assert.fail('it is given up'), signal: control.signal });
    assert.deepEqual([late.proven, late.result instanceof Problem && late.result.code], [false, 'cancelled']);
  });

  test('gives a node its full time once it has proven itself, although its rumours are given up', async () => {
    using delays = mockDelays();
    const [{ connection, closed }, rumours] = [silentConnection(), new AbortController()];
    let ended = false;
    const begun = start(async () => connection, { unlessProven: rumours.signal }).finally(() => {
      ended = true;
    });
    await someTurns();
    rumours.abort(new Problem('cancelled', 'no longer'));
    await delays.pass(4999);
    assert.equal(ended, false);
    await delays.pass(1);
    assert.equal((await begun).proven, true);
    assert.equal(closed(), 1);
  });
});
