import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { callDefaults, newId, sealRequest } from '../../../../src/core/request/request.ts';
import type { NodeConnection } from '../../../../src/core/ports.ts';
import { queryCodec } from '../../../../src/core/wire/codec.ts';
import { makeKeyPair, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import { openSealed } from '../../../../src/core/sealed/exchange.ts';
import type { DiscoverEvent, DiscoverRequest, Envelope, EnvelopeReply } from '../../../../src/core/wire/messages.ts';
import type { SealedEvent, SealedRequest } from '../../../../src/core/wire/messages.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import { relayedConnection } from '../../../../src/library/relays/relayed-connection.ts';
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

  test('gives a relay with a long list more time, as long as it reports nodes, but not forever', async (t) => {
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

  /** Searches over a relay that reports these nodes. @returns their names in order, and how often the trust was read */
  const searchAmong = async (events: readonly DiscoverEvent[], isWanted: (name: string) => boolean) => {
    const { credentials } = await fleet.operator('rip@devco.net');
    const relay = {
      discover: async (_request: unknown, onNode: (event: DiscoverEvent) => void) => {
        for (const event of events) onNode(event);
      },
    };
    const link: RelayLink = {
      name: 'bastion.devco.net',
      open: async () => relay as unknown as RelayConnection,
      isOpen: () => true,
      close: () => {},
    };
    let proofs = 0;
    const caller = {
      credentials,
      get trust() {
        proofs++;
        return fleet.trust;
      },
    };
    const direct = () => Promise.reject(new Error('nothing is dialled here'));
    const relays = startRelays({ links: [link], caller, direct, log: keepingLog() });
    const names = await Array.fromAsync(relays.ask({ timeout: 0, names: [], isWanted }, new AbortController().signal));
    return { names, proofs };
  };

  test('proves only nodes that are wanted, and reports the others, and those that no relay reaches, at its end', async () => {
    const events = await Promise.all(
      ['web1.devco.net', 'web2.devco.net'].map(async (node) => {
        const { credentials } = await fleet.node(node);
        return { node, key: signKey(makeKeyPair(), credentials, Date.now()), path: [], lastHeard: 0 };
      }),
    );
    const unreached = { node: 'web3.devco.net', path: [], lastHeard: 0 };
    const found = await searchAmong([unreached, ...events], (name) => name !== 'web1.devco.net');
    assert.deepEqual(found.names, ['web2.devco.net', 'web3.devco.net', 'web1.devco.net']);
    assert.equal(found.proofs, 1);
  });

  test('leaves no question to a relay open when the command ends', async () => {
    const { credentials } = await fleet.operator('rip@devco.net');
    const signals: AbortSignal[] = [];
    let closed = 0;
    const relay = {
      discover: (_request: unknown, _onNode: unknown, signal: AbortSignal) => {
        signals.push(signal);
        return once(signal, 'abort');
      },
    };
    const link: RelayLink = {
      name: 'bastion.devco.net',
      open: async () => relay as unknown as RelayConnection,
      isOpen: () => true,
      close: () => void closed++,
    };
    const direct = () => Promise.reject(new Problem('unreachable', 'nothing is dialled here'));
    const relays = startRelays({
      links: [link],
      caller: { credentials, trust: fleet.trust },
      direct,
      log: keepingLog(),
    });
    const dialling = relays.dial('web1.devco.net', [], new AbortController().signal);
    await someTurns();
    assert.deepEqual([signals.length, signals[0]?.aborted], [1, false]);
    await relays.close();
    await assert.rejects(dialling, { code: 'unreachable' });
    assert.deepEqual([signals[0]?.aborted, closed], [true, 1]);
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

describe('a node behind a relay', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  const reply = (text: string): EnvelopeReply => ({
    reply: { reply: Buffer.from(''), signature: Buffer.from(text), chain: [] },
  });
  const neverDialled = () => Promise.reject(new Error('nothing is dialled here'));

  /** @param serve what the node seals for one request; it may never end, or fail as a relay does */
  const startNode = async (
    serve: (envelope: Envelope, seal: (part: EnvelopeReply, last: boolean) => void) => Promise<void> | void,
    { direct = neverDialled, hasRoute = true }: { direct?: () => Promise<NodeConnection>; hasRoute?: boolean } = {},
  ) => {
    const { credentials } = await fleet.operator('rip@devco.net');
    const keys = makeKeyPair();
    const received: Envelope[] = [];
    const cancelling: Promise<unknown>[] = [];
    const relay = {
      forward: async (target: string, request: SealedRequest, onEvent: (event: SealedEvent) => void) => {
        const exchange = openSealed(target, keys, request);
        received.push(exchange.envelope);
        await serve(exchange.envelope, (part, last) => onEvent(exchange.seal(part, last)));
      },
    };
    const link: RelayLink = {
      name: 'bastion.devco.net',
      open: async () => relay as unknown as RelayConnection,
      isOpen: () => true,
      close: () => {},
    };
    const route = { link, publicKey: keys.publicKey, path: ['bastion.devco.net'], at: 0 };
    const connection = relayedConnection('web1.devco.net', {
      caller: { credentials, trust: fleet.trust },
      keyPair: makeKeyPair(),
      recalled: hasRoute ? undefined : route,
      routes: async () => (hasRoute ? [route] : []),
      direct,
      onCancelling: (one) => void cancelling.push(one),
      onReply: () => {},
    });
    const options = { ...callDefaults, requestId: newId(), target: 'web1.devco.net', agent: 'rpcutil', action: 'ping' };
    const request = sealRequest({ ...options, input: {} }, credentials, Date.now());
    return { connection, request, received, cancelling };
  };
  const { signal } = new AbortController();

  test('replies with the last part of what it seals, and with no part before it', async () => {
    const { connection, request } = await startNode((_envelope, seal) => {
      seal(reply('first'), false);
      seal(reply('last'), true);
    });
    const { signature } = await connection.call(request, () => {}, signal);
    assert.equal(Buffer.from(signature).toString(), 'last');
  });

  test('has not replied if the relay ends before the last part', async () => {
    const { connection, request } = await startNode((_envelope, seal) => seal(reply('first'), false));
    await assert.rejects(
      connection.call(request, () => {}, signal),
      { code: 'no-response' },
    );
  });

  test('is asked for a reply if it turned the request away, and not after a silence', async () => {
    for (const [turned, count] of [
      [true, 2],
      [false, 1],
    ] as const) {
      const { connection, request, received } = await startNode((_envelope, seal) => {
        if (turned) seal({ turnAway: { code: 'busy', message: 'too many calls', hint: '' } }, true);
      });
      await assert.rejects(
        connection.call(request, () => {}, signal),
        { code: turned ? 'busy' : 'no-response' },
      );
      assert.equal(received.length, count);
      assert.equal(received.filter(({ call }) => call).length, 1, 'the call is sent once');
    }
  });

  test('receives a signed cancellation of a call that is cancelled here', async () => {
    const { connection, request, received, cancelling } = await startNode(() => new Promise(() => {}));
    const control = new AbortController();
    void connection.call(request, () => {}, control.signal);
    await someTurns();
    assert.equal(received.length, 1);
    control.abort();
    await someTurns();
    const [, second] = received;
    assert.ok(second?.query);
    assert.ok(queryCodec.decode(second.query.query).cancel);
    assert.equal(cancelling.length, 1, 'the relays stay connected until then');
  });

  test('is not asked to end a call that it has replied to', async () => {
    const { connection, request, received } = await startNode((_envelope, seal) => seal(reply('last'), true));
    const control = new AbortController();
    await connection.call(request, () => {}, control.signal);
    control.abort();
    await someTurns();
    assert.equal(received.length, 1);
  });

  test('is asked directly where no relay leads to it any more, over a connection that is then closed', async () => {
    let [asked, closed] = [0, 0];
    const failing = async () => {
      asked++;
      throw new Problem('no-response', 'nothing came');
    };
    const direct = async () =>
      ({ call: failing, result: failing, close: () => void closed++ }) as unknown as NodeConnection;
    const { connection, request, received } = await startNode(() => {}, { direct, hasRoute: false });
    await assert.rejects(
      connection.call(request, () => {}, signal),
      { code: 'no-response' },
    );
    assert.deepEqual([asked, closed], [1, 1]);
    await assert.rejects(connection.result(request, signal), { code: 'no-response' });
    assert.deepEqual([asked, closed, received.length], [2, 2, 0]);
  });
});
