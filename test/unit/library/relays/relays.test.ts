import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { callDefaults, newId, sealRequest } from '../../../../src/core/request/request.ts';
import { makeKeyPair, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import type { DiscoverEvent, DiscoverRequest } from '../../../../src/core/wire/messages.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import { startRelays } from '../../../../src/library/relays/relays.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { type MockedDelays, mockDelays, someTurns } from '../../../support/mock-delays.ts';
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

  /** Calls a node whose key the relay reported twelve seconds ago. @param again what the relay replies when it is asked for that key again */
  const callLate = async (
    delays: MockedDelays,
    t: TestContext,
    again: (onNode: (event: DiscoverEvent) => void) => Promise<void>,
  ) => {
    let passed = performance.now();
    t.mock.method(performance, 'now', () => passed);
    const { credentials } = await fleet.operator('rip@devco.net');
    const web1 = await fleet.node('web1.devco.net');
    const key = signKey(makeKeyPair(), web1.credentials, Date.now());
    const event = { node: 'web1.devco.net', key, path: ['bastion.devco.net'], lastHeard: 0 };
    const sent: string[] = [];
    const relay = {
      discover: async ({ names }: DiscoverRequest, onNode: (event: DiscoverEvent) => void, signal: AbortSignal) => {
        if (names.length === 0) return onNode(event);
        await Promise.race([again(onNode), once(signal, 'abort').then(() => Promise.reject(new Error('late')))]);
      },
      forward: async (target: string) => {
        sent.push(target);
        throw new Problem('no-response', 'nothing came');
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
    const { signal } = new AbortController();
    const connection = await relays.dial('web1.devco.net', [], signal);
    passed += 12_000;
    const options = { ...callDefaults, requestId: newId(), target: 'web1.devco.net', agent: 'rpcutil', action: 'ping' };
    const request = sealRequest({ ...options, input: {} }, credentials, Date.now());
    const failed = connection.call(request, () => {}, signal, false).catch((error: Problem) => error.code);
    await someTurns();
    await delays.pass(3100);
    return { code: await failed, sent };
  };

  test('uses the last key of a node if a busy relay does not report it again in time', async (t) => {
    using delays = mockDelays();
    const { code, sent } = await callLate(delays, t, () => new Promise(() => {}));
    assert.deepEqual([code, sent], ['no-response', ['web1.devco.net']]);
  });

  test('does not use it if the relay replies without the node', async (t) => {
    using delays = mockDelays();
    const { code, sent } = await callLate(delays, t, async () => {});
    assert.deepEqual([code, sent], ['unreachable', []]);
  });
});
