import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createServer } from 'node:tls';
import type { TlsState } from '../../../src/core/ports.ts';
import { secureContext, tlsVersion } from '../../../src/transport/tls.ts';
import { daemonAt, whoAnswers } from '../../../src/transport/who-answers.ts';
import { type Fleet, makeFleet, type Member } from '../../support/fleet/fleet.ts';
import { startSealedNode } from '../../support/relay/sealed-node.ts';

const name = 'dev1.devco.net';
/** Milliseconds: enough on any machine. */
const patience = 60_000;
let fleet: Fleet;
let foreign: Fleet;
let asker: TlsState;
before(async () => {
  [fleet, foreign] = await Promise.all([makeFleet(), makeFleet()]);
  asker = stateOf(await fleet.node('dev9.devco.net'));
});
after(() => Promise.all([fleet.remove(), foreign.remove()]));

const stateOf = ({ credentials }: Pick<Member, 'credentials'>, { trust }: Fleet = fleet): TlsState => ({
  credentials,
  trust,
});
const at = (port: number) => ({ host: '127.0.0.1', port });
const found = (port: number) => daemonAt(name, at(port), asker, patience);
const faultAt = async (port: number) => (await whoAnswers(name, at(port), asker, patience))?.code;
const startNode = (state: TlsState) =>
  startSealedNode(
    () => state,
    () => assert.fail('nothing is requested'),
  );

/** A server with the certificate of a node that knows no other protocol than gRPC, as older daemons do. */
async function startOlder(state: TlsState): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer({ ...secureContext(state), ...tlsVersion, requestCert: false, ALPNProtocols: ['h2'] });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')) };
}

describe('the daemon of a node that answers at an address', () => {
  test('is known by its key: two with one certificate differ', async () => {
    const state = stateOf(await fleet.node(name));
    await using one = await startNode(state);
    await using other = await startNode(state);
    const [first, again, second] = [await found(one.port), await found(one.port), await found(other.port)];
    assert.match(first?.id ?? '', /^[0-9a-f]+$/);
    assert.deepEqual(again, first);
    assert.notEqual(second?.id, first?.id);
    assert.equal(await faultAt(one.port), undefined);
  });

  test('has no key if it is older', async () => {
    await using older = await startOlder(stateOf(await fleet.node(name)));
    assert.deepEqual(await found(older.port), { id: '' });
    assert.equal(await faultAt(older.port), undefined);
  });

  for (const [what, start] of [['a daemon', startNode] as const, ['an older daemon', startOlder] as const]) {
    test(`is not ${what} of another node, of another fleet, or with a revoked certificate`, async () => {
      const revoked = await fleet.node(name);
      fleet.revoke(revoked);
      const others = {
        'wrong-node': stateOf(await fleet.node('dev2.devco.net')),
        'foreign-certificate': stateOf(await foreign.node(name), foreign),
        'revoked-certificate': stateOf(revoked),
      };
      for (const [code, state] of Object.entries(others)) {
        await using other = await start(state);
        assert.equal(await found(other.port), undefined, code);
        assert.equal(await faultAt(other.port), code);
      }
    });
  }
});
