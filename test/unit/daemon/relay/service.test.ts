import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { defineIdentity, type Identity } from '../../../../src/core/identity.ts';
import type { NodeService, RelayUser } from '../../../../src/core/ports.ts';
import type { DiscoverEvent, SealedEvent, SealedRequest, SignedKey } from '../../../../src/core/wire/messages.ts';
import type { Policies } from '../../../../src/daemon/agents/policies.ts';
import { startBudget } from '../../../../src/daemon/relay/budget.ts';
import { startPool } from '../../../../src/daemon/relay/pool.ts';
import { defineRelay } from '../../../../src/daemon/relay/service.ts';
import { startUserRates } from '../../../../src/daemon/relay/user-rates.ts';
import type { PeerConnection } from '../../../../src/transport/relay/peers/peer.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { isProblem } from '../../../support/thrown.ts';

const key: SignedKey = { key: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] };
const addresses = [{ host: '127.0.0.1', port: 1 }];
const operator = defineIdentity('operator', 'devco.net', 'rip@devco.net');
const otherRelay = defineIdentity('node', 'devco.net', 'edge.devco.net');
const { signal } = new AbortController();
const request: SealedRequest = {
  keyId: Buffer.alloc(1),
  ephemeral: Buffer.alloc(2),
  salt: Buffer.alloc(3),
  ciphertext: Buffer.alloc(4),
};
const limits = { atOnce: 1, rate: 100, burst: 100 };
const ends: (() => void)[] = [];
after(() => {
  for (const end of ends) end();
});

/** Where a request went; `fails` are the peers that lose it. */
async function relay({
  peers = {} as Readonly<Record<string, readonly string[] | undefined>>,
  fails = [] as readonly string[],
  allows = async () => true as boolean,
  budget = startBudget({ requests: 1, bytes: 10 }),
  rates = { user: limits, relay: limits },
} = {}) {
  const went: string[] = [];
  const counts: string[] = [];
  const asked: object[] = [];
  const gone = new Set<string>();
  const connection = (name: string): PeerConnection => {
    const beyond = peers[name];
    return {
      name,
      key: async () => key,
      refuse: () => (gone.has(name) ? new Problem('revoked-certificate', 'it is revoked') : undefined),
      whenLost: () => new Promise<void>(() => {}),
      close: () => {},
      sealed: async (_request: SealedRequest, onEvent: (event: SealedEvent) => void) => {
        if (fails.includes(name)) throw new Problem('no-response', 'it broke');
        went.push(name);
        onEvent({} as SealedEvent);
      },
      ...(beyond && {
        relay: {
          forward: async (target: string) => void went.push(`${name} → ${target}`),
          discover: async (_request: object, onNode: (event: DiscoverEvent) => void) => {
            if (fails.includes(name)) throw new Problem('no-response', 'it broke');
            for (const node of beyond)
              onNode({ node, path: [], lastHeard: 3, ...(node.startsWith('dark') ? {} : { key }) });
          },
        },
      }),
    } as unknown as PeerConnection;
  };
  const pool = startPool({ dial: async (name: string) => connection(name), most: 100, log: keepingLog() });
  ends.push(pool.stop);
  const known = Object.keys(peers).map((name) => ({ name, addresses, lastHeard: 1 }));
  pool.know(known);
  await Promise.all(known.map(({ name }) => pool.whenWarm(name)));
  const own = {
    key: () => key,
    sealed: async (_request: SealedRequest, from: Identity) => void went.push(`own from ${from.name}`),
  } as unknown as Pick<NodeService, 'key' | 'sealed'>;
  const service = defineRelay({
    ...{ own, pool, budget },
    limitRate: startUserRates(rates, () => 5),
    identity: defineIdentity('node', 'devco.net', 'bastion.devco.net'),
    policies: {
      allows: async (access: object) => {
        asked.push(access);
        return await allows();
      },
    } as unknown as Policies,
    known: async () => known,
    count: (what) => counts.push(what),
    now: () => 5,
  });
  const events: DiscoverEvent[] = [];
  return {
    ...{ asked, budget, counts, events, service, went },
    lose: (name: string) => gone.add(name),
    forward: (target: string, user: RelayUser = operator) => service.forward(target, request, user, () => {}, signal),
    discover: (user: RelayUser = operator) =>
      service.discover({ timeout: 0, names: [] }, user, (event) => events.push(event), signal),
  };
}

describe('a user of a relay', () => {
  test('needs a policy on the relay, unless it is the host itself', async () => {
    const { asked, service } = await relay({ allows: async () => false });
    await service.admit('local', 'forward');
    assert.deepEqual(asked, []);
    const denied = service.admit(operator, 'discover');
    await assert.rejects(denied, isProblem('policy-denied', /cert=rip@devco\.net may not relay\.discover on bastion/));
    await assert.rejects(service.admit({ ...operator, applications: ['shop'] }, 'forward'), isProblem('policy-denied'));
    const access = { caller: 'cert=rip@devco.net', agent: 'relay' };
    assert.deepEqual(asked, [
      { ...access, action: 'discover', limited: false },
      { ...access, action: 'forward', limited: true },
    ]);
    await (await relay()).service.admit(operator, 'forward');
  });
});

describe('a request that a relay passes on', () => {
  test('goes to its peer, or to the relay itself, which is a node, too', async () => {
    const { budget, counts, forward, went } = await relay({ peers: { web1: undefined } });
    await forward('web1');
    await forward('bastion.devco.net');
    assert.deepEqual(went, ['web1', 'own from bastion.devco.net']);
    assert.deepEqual([counts, budget.used()], [['forwarded'], { requests: 0, bytes: 0 }]);
  });

  test('is refused if the relay is not connected to its target', async () => {
    const { budget, counts, forward, went } = await relay({ peers: { web1: undefined } });
    await assert.rejects(forward('web9'), isProblem('unknown-target', /bastion\.devco\.net has no connection to web9/));
    assert.deepEqual([went, counts, budget.used().requests], [[], ['withheld'], 0]);
  });

  test('frees its place when its peer fails', async () => {
    const { budget, counts, forward } = await relay({ peers: { web1: undefined }, fails: ['web1'] });
    await assert.rejects(forward('web1'), isProblem('no-response'));
    assert.deepEqual([counts, budget.used()], [['withheld'], { requests: 0, bytes: 0 }]);
  });

  test('is refused if its user sends more to this node than a node accepts; others, and other nodes, are not affected', async () => {
    const few = { user: { ...limits, burst: 2 }, relay: { ...limits, burst: 3 } };
    const { forward, went } = await relay({ peers: { dev1: undefined, dev2: undefined }, rates: few });
    const sue = defineIdentity('operator', 'devco.net', 'sue@devco.net');
    for (const user of [operator, otherRelay, 'local'] as const) {
      for (let sent = 0; sent < (user === otherRelay ? 3 : 2); sent++) await forward('dev1', user);
      await assert.rejects(forward('dev1', user), isProblem('rate-limited', / to dev1 asks for more than 100 calls/));
    }
    await forward('dev1', sue);
    await forward('dev2');
    assert.deepEqual([went.length, went.at(-1)], [9, 'dev2']);
    for (const target of ['bastion.devco.net', 'bastion.devco.net']) await forward(target);
    await assert.rejects(forward('bastion.devco.net'), isProblem('rate-limited'));
  });

  test('is refused if it is too large for the relay', async () => {
    const { counts, forward, went } = await relay({
      peers: { web1: undefined },
      budget: startBudget({ requests: 1, bytes: 9 }),
    });
    await assert.rejects(forward('web1'), isProblem('busy'));
    assert.deepEqual([counts, went], [['withheld'], []]);
  });

  test('passes a second relay that has the target as its peer, for an operator alone', async () => {
    const { discover, events, forward, went } = await relay({
      peers: { edge: ['far1', 'dark1', 'web1'], web1: undefined },
    });
    await assert.rejects(forward('far1'), isProblem('unknown-target'), 'before the other relay reported it');
    await discover();
    assert.deepEqual(
      events.map(({ node, path, lastHeard, key: signed }) => [node, path.join(), lastHeard, signed !== undefined]),
      [
        ['bastion.devco.net', 'bastion.devco.net', 5, true],
        ['edge', 'bastion.devco.net', 1, true],
        ['web1', 'bastion.devco.net', 1, true],
        ['far1', 'bastion.devco.net,edge', 3, true],
        ['dark1', 'bastion.devco.net,edge', 3, false],
      ],
    );
    await forward('far1');
    await forward('far1', 'local');
    assert.deepEqual(went, ['edge → far1', 'edge → far1']);
    await assert.rejects(
      forward('far1', otherRelay),
      isProblem('unknown-target'),
      'no request passes more than two relays',
    );
    await assert.rejects(forward('dark1'), isProblem('unknown-target'), 'a node that the other relay does not reach');
  });

  test('passes the other relay that has the target if the first one is lost, and ping shows the way that it takes', async () => {
    const { discover, events, forward, lose, went } = await relay({ peers: { east: ['far1'], west: ['far1'] } });
    await discover();
    assert.deepEqual(events.find(({ node }) => node === 'far1')?.path, ['bastion.devco.net', 'east']);
    await forward('far1');
    lose('east');
    await forward('far1');
    assert.deepEqual(went, ['east → far1', 'west → far1']);
    events.length = 0;
    await discover();
    assert.deepEqual(events.find(({ node }) => node === 'far1')?.path, ['bastion.devco.net', 'west']);
  });

  test('asks no further relay for another one', async () => {
    const { discover, events } = await relay({ peers: { edge: ['far1'] } });
    await discover(otherRelay);
    assert.deepEqual(
      events.map(({ node }) => node),
      ['bastion.devco.net', 'edge'],
    );
  });

  test('is not hindered by another relay that does not answer', async () => {
    const { discover, events } = await relay({ peers: { edge: ['far1'], web1: undefined }, fails: ['edge'] });
    await discover();
    assert.deepEqual(
      events.map(({ node }) => node),
      ['bastion.devco.net', 'edge', 'web1'],
    );
  });
});
