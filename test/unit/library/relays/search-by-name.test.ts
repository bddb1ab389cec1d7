import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { NodeConnection } from '../../../../src/core/ports.ts';
import { makeKeyPair, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import type { DiscoverEvent, DiscoverRequest } from '../../../../src/core/wire/messages.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import { startRelays } from '../../../../src/library/relays/relays.ts';
import type { Routes } from '../../../../src/library/relays/routes.ts';
import { startSearchByName } from '../../../../src/library/relays/search-by-name.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

const web1 = 'web1.devco.net';

describe('a node that no relay lists as connected', () => {
  let fleet: Fleet;
  let known: DiscoverEvent;
  let connected: DiscoverEvent;
  before(async () => {
    fleet = await makeFleet();
    const { credentials } = await fleet.node(web1);
    known = { node: web1, path: [], lastHeard: 0 };
    connected = { ...known, key: signKey(makeKeyPair(), credentials, Date.now()) };
  });
  after(() => fleet.remove());

  /** @param reports what the relay reports to each question, in order */
  const start = async (reports: readonly (readonly DiscoverEvent[] | 'failure')[]) => {
    const { credentials } = await fleet.operator('rip@devco.net');
    const asked: DiscoverRequest[] = [];
    const relay = {
      discover: async (request: DiscoverRequest, onNode: (event: DiscoverEvent) => void) => {
        const report = reports[asked.length] ?? [];
        asked.push(request);
        if (report === 'failure') throw new Problem('unreachable', 'the relay is gone');
        for (const event of report) onNode(event);
      },
    };
    const link: RelayLink = {
      name: 'bastion.devco.net',
      open: async () => relay as unknown as RelayConnection,
      isOpen: () => true,
      close: () => {},
    };
    const directly = { name: 'reached directly' } as NodeConnection;
    const caller = { credentials, trust: fleet.trust };
    const relays = startRelays({ links: [link], caller, direct: async () => directly, log: keepingLog() });
    const dial = async (addresses: { host: string; port: number }[] = [], signal = new AbortController().signal) =>
      (await relays.dial(web1, addresses, signal)).name;
    return { asked, relays, dial };
  };
  const list = { timeout: 0, names: [] };
  const search = { timeout: 1000, names: [web1] };

  test('is searched for by name over the relay if no address of it is known', async () => {
    const { asked, dial } = await start([[], [connected]]);
    assert.equal(await dial(), web1);
    assert.deepEqual(asked, [list, search]);
  });

  test('is searched for again, three times in all, while the relay knows it and has no connection to it', async () => {
    const late = await start([[], [known], [known], [connected]]);
    assert.equal(await late.dial(), web1);
    assert.deepEqual(late.asked, [list, search, search, search]);
    const never = await start([[], [known], [known], [known], [connected]]);
    assert.equal(await never.dial(), 'reached directly');
    assert.equal(never.asked.length, 4);
    const lost = await start([[], [known], [], [connected]]);
    assert.equal(await lost.dial(), 'reached directly');
    assert.equal(lost.asked.length, 3, 'the relay does not know it any more');
    const meanwhile = await start([[], [known, connected]]);
    assert.equal(await meanwhile.dial(), web1);
    assert.equal(meanwhile.asked.length, 2);
  });

  test('is not searched for again if the relay does not know it, or fails', async () => {
    for (const report of [[], [{ ...known, node: 'web2.devco.net' }], 'failure'] as const) {
      const { asked, dial } = await start([[], report, [connected]]);
      assert.equal(await dial(), 'reached directly');
      assert.deepEqual(asked, [list, search]);
    }
  });

  test('is called at its address if one is known, without a search', async () => {
    const { asked, dial } = await start([[known], [connected]]);
    assert.equal(await dial([{ host: '127.0.0.1', port: 5810 }]), 'reached directly');
    assert.deepEqual(asked, [list]);
  });

  test('is not searched for when the command has ended, or the attempt', async () => {
    const over = await start([[], [connected]]);
    await over.relays.close();
    assert.equal(await over.dial(), 'reached directly');
    const { asked, dial } = await start([[], [connected]]);
    assert.equal(await dial([], AbortSignal.abort()), 'reached directly');
    for (const { names } of [...over.asked, ...asked]) assert.deepEqual(names, []);
  });
});

test('a search for one node forgets no other that a relay is still connecting to', async () => {
  const asked: (readonly string[])[] = [];
  const second = Promise.withResolvers<void>();
  const relay = {
    discover: async ({ names }: DiscoverRequest, onNode: (event: DiscoverEvent) => void) => {
      asked.push(names);
      if (asked.length === 2) second.resolve();
      if (asked.length > 2) return;
      for (const node of names) onNode({ node, path: [], lastHeard: 0 });
      if (asked.length === 1) void search('web2.devco.net', never);
      // Its report is not complete before the second search has begun.
      await second.promise;
    },
  };
  const link = {
    name: 'bastion',
    open: async () => relay,
    isOpen: () => true,
    close: () => {},
  } as unknown as RelayLink;
  const routes = { take: () => false, to: () => [], when: () => new Promise(() => {}) } as unknown as Routes;
  const never = new AbortController().signal;
  const search = startSearchByName([link], routes, never);
  await search(web1, never);
  assert.deepEqual(asked.slice(0, 2), [[web1], ['web2.devco.net']]);
  assert.ok(
    asked.slice(2).some((names) => names.includes(web1)),
    JSON.stringify(asked),
  );
});
