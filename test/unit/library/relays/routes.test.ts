import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeKeyPair, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import type { Trust } from '../../../../src/core/credentials/proof.ts';
import { noKeyMemory, type RememberedKey } from '../../../../src/library/relays/key-memory.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import { startRoutes } from '../../../../src/library/relays/routes.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';

function linkTo(name: string, isOpen = true): RelayLink {
  return { name, isOpen: () => isOpen, open: () => Promise.reject(new Error('not dialled here')), close: () => {} };
}

describe('the ways to a node', () => {
  let fleet: Fleet;
  let node: Member;
  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev1.devco.net');
  });
  after(() => fleet.remove());

  const report = (path: readonly string[] = [], keyPair = makeKeyPair()) => ({
    node: 'dev1.devco.net',
    key: signKey(keyPair, node.credentials, Date.now()),
    path: [...path],
    lastHeard: 0,
  });
  const orderOf = (routes: ReturnType<typeof startRoutes>) => routes.to('dev1.devco.net').map(({ link }) => link.name);

  test('begin with a connected relay, then with one on the node’s own network segment', () => {
    const routes = startRoutes(() => fleet.trust);
    assert.ok(routes.take(report(['closed']), linkTo('closed', false)));
    assert.ok(routes.take(report(['far', 'behind']), linkTo('far')));
    assert.ok(routes.take(report(['near']), linkTo('near')));
    assert.deepEqual(orderOf(routes), ['near', 'far', 'closed']);
  });

  test('prefer the shorter way, whichever of two relays it goes over', () => {
    for (const [near, far] of [
      ['one', 'two'],
      ['two', 'one'],
    ] as const) {
      const routes = startRoutes(() => fleet.trust);
      assert.ok(routes.take(report([far, 'behind']), linkTo(far)));
      assert.ok(routes.take(report([near]), linkTo(near)));
      assert.deepEqual(orderOf(routes), [near, far]);
    }
  });

  test('keep the key of each node alone, not the message that brought it', () => {
    const routes = startRoutes(() => fleet.trust);
    assert.ok(routes.take(report(['near']), linkTo('near')));
    assert.equal(routes.to('dev1.devco.net')[0]?.publicKey.buffer.byteLength, 65);
  });

  test('spread many nodes evenly over equal relays, and use the same relay for each node', async () => {
    const links = ['one', 'two', 'three'].map((name) => linkTo(name));
    const counts = new Map<string, number>();
    for (let index = 0; index < 60; index++) {
      const name = `web${index}.devco.net`;
      const { credentials } = await fleet.node(name);
      const key = signKey(makeKeyPair(), credentials, Date.now());
      const first = [links, links.toReversed()].map((order) => {
        const routes = startRoutes(() => fleet.trust);
        for (const link of order) routes.take({ node: name, key, path: [link.name], lastHeard: 0 }, link);
        return routes.to(name)[0]?.link.name ?? '';
      });
      assert.equal(first[0], first[1], name);
      counts.set(first[0] ?? '', (counts.get(first[0] ?? '') ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), ['one', 'three', 'two']);
    for (const count of counts.values()) assert.ok(count >= 10 && count <= 30, JSON.stringify([...counts]));
  });

  test('are proven when a node is called, or at once if a call waits for them', async () => {
    let proofs = 0;
    const routes = startRoutes(() => {
      proofs++;
      return fleet.trust;
    });
    const link = linkTo('one');
    routes.note(report(['first']), link);
    routes.note(report(['again']), link);
    assert.equal(proofs, 0);
    assert.deepEqual(
      routes.to('dev1.devco.net').map(({ path }) => path),
      [['again']],
    );
    assert.equal(proofs, 1);
    const waiting = routes.when('dev2.devco.net');
    routes.note({ ...report(), node: 'dev2.devco.net' }, linkTo('one'));
    assert.deepEqual(routes.to('dev2.devco.net'), [], 'another node’s key was accepted');
    const { credentials } = await fleet.node('dev2.devco.net');
    const key = signKey(makeKeyPair(), credentials, Date.now());
    routes.note({ node: 'dev2.devco.net', key, path: [], lastHeard: 0 }, linkTo('two'));
    await waiting;
    assert.equal(routes.to('dev2.devco.net').length, 1);
  });

  test('are recalled from an earlier command, over the same relay, as far as this command trusts the node', async () => {
    const { key: signed } = report(['near']);
    const fingerprints = fleet.trust.authorities.map(({ fingerprint256 }) => fingerprint256);
    const recallWith = (trust: Trust, { issuers = fingerprints, of = signed, over = 'near' } = {}) => {
      const remembered: RememberedKey = { signed: of, issuers, relay: 'near', path: ['near'] };
      const memory = { ...noKeyMemory, recall: () => remembered, holds: () => remembered };
      return startRoutes(() => trust, memory).recall('dev1.devco.net', [linkTo('other'), linkTo(over)])?.link.name;
    };
    const { trust } = fleet;
    assert.equal(recallWith(trust), 'near');
    assert.equal(recallWith(trust, { over: 'far' }), undefined);
    assert.equal(recallWith({ ...trust, isRevoked: () => true }), undefined);
    assert.equal(recallWith({ ...trust, realm: 'other.net' }), undefined);
    await using others = await makeFleet();
    assert.equal(recallWith({ ...trust, authorities: others.trust.authorities }), undefined);
    // A CA that is named there and has not issued the certificate makes nothing of it.
    const foreign = await others.node('dev1.devco.net');
    const of = signKey(makeKeyPair(), foreign.credentials, Date.now());
    assert.equal(recallWith(trust, { of, issuers: fingerprints }), undefined);
    const { credentials } = await fleet.node('dev3.devco.net');
    assert.equal(recallWith(trust, { of: signKey(makeKeyPair(), credentials, Date.now()) }), undefined);
    const { credentials: ended } = await fleet.node('dev1.devco.net', { notBefore: 1000, notAfter: 2000 });
    assert.equal(recallWith(trust, { of: signKey(makeKeyPair(), ended, Date.now()) }), undefined);
  });

  test('prove a key again once the trust has changed: a node that was revoked meanwhile cannot be reached', () => {
    let trust = fleet.trust;
    const routes = startRoutes(() => trust);
    const told = report(['near']);
    assert.ok(routes.take(told, linkTo('near')));
    assert.ok(routes.take(told, linkTo('other')));
    trust = { ...trust, isRevoked: () => true };
    assert.equal(routes.take(told, linkTo('third')), false);
  });
});
