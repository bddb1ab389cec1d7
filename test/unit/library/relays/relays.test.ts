import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { DiscoverEvent } from '../../../../src/core/wire/messages.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import { startRelays } from '../../../../src/library/relays/relays.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

describe('a search over relays', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  /** Searches for two seconds over a relay that never ends its list. */
  const search = async () => {
    const { credentials } = await fleet.operator('rip@devco.net');
    let report: (event: DiscoverEvent) => void = () => {};
    const relay = {
      discover: async (_request: unknown, onNode: (event: DiscoverEvent) => void, signal: AbortSignal) => {
        report = onNode;
        await once(signal, 'abort');
        throw new Problem('cancelled', 'it was cancelled');
      },
    };
    const link: RelayLink = {
      name: 'bastion.devco.net',
      open: async () => relay as unknown as RelayConnection,
      isOpen: () => true,
      close: () => {},
    };
    const relays = startRelays({
      links: [link],
      caller: { credentials, trust: fleet.trust },
      direct: () => Promise.reject(new Error('nothing is dialled here')),
      log: keepingLog(),
    });
    const asked = relays.ask({ timeout: 2000, names: [], isWanted: () => true }, new AbortController().signal);
    let failure: Problem | undefined;
    asked[Symbol.asyncIterator]()
      .next()
      .catch((error: Problem) => {
        failure = error;
      });
    await someTurns();
    let count = 0;
    return {
      failure: () => failure?.message,
      report: () => report({ node: `web${++count}.devco.net`, path: [], lastHeard: 0 }),
    };
  };
  const unfinished = 'no relay can be used: bastion.devco.net does not end its list of nodes';

  test('ends although a relay does not end its list', async () => {
    using delays = mockDelays();
    const { failure } = await search();
    await delays.pass(11_900);
    assert.equal(failure(), undefined);
    await delays.pass(200);
    assert.equal(failure(), unfinished);
  });

  test('gives a relay with a long list more time, as long as it reports nodes, but not for ever', async (t) => {
    using delays = mockDelays();
    let passed = performance.now();
    t.mock.method(performance, 'now', () => passed);
    const { failure, report } = await search();
    const pass = async (milliseconds: number) => {
      passed += milliseconds;
      await delays.pass(milliseconds);
    };
    for (let count = 0; count < 6; count++) {
      await pass(9000);
      report();
      assert.equal(failure(), undefined);
    }
    await pass(9000);
    report();
    await pass(9000);
    assert.equal(failure(), unfinished);
  });
});
