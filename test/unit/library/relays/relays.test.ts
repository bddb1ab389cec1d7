import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import { startRelays } from '../../../../src/library/relays/relays.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

/** A relay that reports nothing and never ends its list. */
function silentLink(name: string): RelayLink {
  const relay = {
    name,
    discover: async (_request: unknown, _onNode: unknown, signal: AbortSignal) => {
      await once(signal, 'abort');
      throw new Problem('cancelled', 'it was cancelled');
    },
  };
  return { name, open: async () => relay as unknown as RelayConnection, isOpen: () => true, close: () => {} };
}

describe('a search over relays', () => {
  test('ends although a relay does not end its list', async () => {
    await using fleet: Fleet = await makeFleet();
    const { credentials } = await fleet.operator('rip@devco.net');
    const relays = startRelays({
      links: [silentLink('bastion.devco.net')],
      caller: { credentials, trust: fleet.trust },
      direct: () => Promise.reject(new Error('nothing is dialled here')),
      log: keepingLog(),
    });
    using delays = mockDelays();
    const search = { timeout: 2000, names: [], isWanted: () => true };
    const found = relays.ask(search, new AbortController().signal)[Symbol.asyncIterator]().next();
    let isOver = false;
    const ended = assert
      .rejects(Promise.resolve(found), {
        code: 'no-relay',
        message: 'no relay can be used: bastion.devco.net does not end its list of nodes',
      })
      .then(() => {
        isOver = true;
      });
    await someTurns();
    await delays.pass(11_900);
    assert.equal(isOver, false);
    await delays.pass(200);
    await ended;
  });
});
