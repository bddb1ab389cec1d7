import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { startRelayLink } from '../../../../src/library/relays/relay-link.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { someTurns } from '../../../support/mock-delays.ts';
import { rejection } from '../../../support/thrown.ts';

/** A relay that is dialled: each dial gives the next of these. */
function startDials() {
  const connections: { readonly lose: () => void; readonly closed: () => number }[] = [];
  let fault: Error | undefined;
  const dial = async (): Promise<RelayConnection> => {
    await someTurns();
    if (fault !== undefined) throw fault;
    const lost = Promise.withResolvers<void>();
    let closed = 0;
    connections.push({ lose: lost.resolve, closed: () => closed });
    const connection = { whenLost: () => lost.promise, close: () => void closed++ };
    return connection as unknown as RelayConnection;
  };
  return {
    dial,
    connections,
    fail: (error?: Error) => {
      fault = error;
    },
  };
}

describe('the connection to a relay for a whole command', () => {
  test('is made once for all who ask for it, and again after it was lost', async () => {
    const { dial, connections } = startDials();
    const link = startRelayLink('bastion', dial);
    assert.equal(link.isOpen(), false);
    const [one, other] = await Promise.all([link.open(), link.open()]);
    assert.equal(one, other);
    assert.deepEqual([connections.length, link.isOpen()], [1, true]);
    connections[0]?.lose();
    await someTurns();
    assert.deepEqual([link.isOpen(), connections[0]?.closed()], [false, 1]);
    assert.notEqual(await link.open(), one);
    assert.deepEqual([connections.length, link.isOpen()], [2, true]);
  });

  test('is tried again after a failure, which is reported as it is', async () => {
    const { dial, connections, fail } = startDials();
    const link = startRelayLink('bastion', dial);
    fail(new Problem('revoked-certificate', 'it is revoked'));
    assert.equal((await rejection(link.open())).code, 'revoked-certificate');
    fail(new Error('something else'));
    const { code, message } = await rejection(link.open());
    assert.deepEqual([code, message], ['unreachable', 'the relay bastion: something else']);
    fail();
    await link.open();
    assert.deepEqual([connections.length, link.isOpen()], [1, true]);
  });

  test('is closed with the command, also if it is only made after that', async () => {
    const { dial, connections } = startDials();
    const link = startRelayLink('bastion', dial);
    await link.open();
    link.close();
    assert.equal(connections[0]?.closed(), 1);
    const late = startDials();
    const second = startRelayLink('bastion', late.dial);
    const opening = second.open();
    second.close();
    assert.equal((await rejection(opening)).code, 'cancelled');
    assert.deepEqual([late.connections[0]?.closed(), second.isOpen()], [1, false]);
  });
});
