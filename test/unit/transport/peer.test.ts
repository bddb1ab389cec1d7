import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AnyCall, peerIdentity, proveAny, provePeer } from '../../../src/transport/peer.ts';
import { proveNode } from '../../../src/transport/prove-node.ts';
import type { TlsState } from '../../../src/core/ports.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';

let fleet: Fleet;
let [rip, dev1, gone]: Member[] = [];
let foreign: Member;
let dismissed: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, dev1, gone] = [
    await fleet.operator('rip@devco.net'),
    await fleet.node('dev1.devco.net'),
    await fleet.node('gone.devco.net'),
  ];
  dismissed = await fleet.operator('eve@devco.net');
  fleet.revoke(gone);
  fleet.revoke(dismissed);
  await using other = await makeFleet();
  foreign = await other.node('dev1.devco.net');
});
after(() => fleet.remove());

const call = (member?: Member) =>
  ({
    getAuthContext: () => (member === undefined ? {} : { sslPeerCertificate: { raw: member.certificate.raw } }),
  }) as unknown as AnyCall;
const rawOf = (member: Member | undefined) => member?.certificate.raw ?? Buffer.alloc(0);

describe('the other end of a connection', () => {
  test('is the identity of its certificate, even of one that is no longer valid', () => {
    assert.equal(peerIdentity(call(rip))?.name, 'rip@devco.net');
    assert.equal(peerIdentity(call(gone))?.name, 'gone.devco.net');
    assert.equal(peerIdentity(call()), undefined);
  });

  test('proves itself at each call, as one of the kinds that the call takes', () => {
    const prove = (member: Member | undefined, ...kinds: ('operator' | 'node')[]) =>
      provePeer(call(member), kinds, fleet.trust, Date.now()).name;
    assert.equal(prove(rip, 'operator'), 'rip@devco.net');
    assert.equal(prove(rip, 'operator', 'node'), 'rip@devco.net');
    assert.equal(prove(dev1, 'operator', 'node'), 'dev1.devco.net');
    assert.throws(() => prove(dev1, 'operator'), { code: 'wrong-kind' });
    assert.throws(() => prove(rip, 'node'), { code: 'wrong-kind' });
    assert.throws(() => prove(gone, 'operator', 'node'), { code: 'revoked-certificate' });
    assert.throws(() => prove(dismissed, 'operator', 'node'), { code: 'revoked-certificate' });
    assert.throws(() => prove(foreign, 'operator', 'node'), { code: 'foreign-certificate' });
    assert.throws(() => prove(undefined, 'operator'), {
      code: 'foreign-certificate',
      message: 'the connection carries no certificate',
    });
  });

  test('is an operator if a call names no kind', () => {
    const prove = (member: Member | undefined) => proveAny(rawOf(member), [], fleet.trust, Date.now()).kind;
    assert.equal(prove(rip), 'operator');
    assert.throws(() => prove(dev1), { code: 'wrong-kind' });
  });
});

describe('a server that is called as a node', () => {
  const prove = (name: string, raw: Uint8Array) => proveNode(name, raw, { trust: fleet.trust } as TlsState);

  test('is that node by its certificate', () => {
    assert.equal(prove('dev1.devco.net', rawOf(dev1)), undefined);
  });

  test('is refused if it is another node, with both names', () => {
    const problem = prove('dev2.devco.net', rawOf(dev1));
    assert.deepEqual(
      [problem?.code, problem?.message, problem?.hint],
      ['wrong-node', 'at the address of dev2.devco.net answers dev1.devco.net', 'the address is out of date'],
    );
  });

  test('is refused if its certificate is not valid, not of a node, or cannot be read', () => {
    for (const [name, raw, code] of [
      ['gone.devco.net', rawOf(gone), 'revoked-certificate'],
      ['dev1.devco.net', rawOf(foreign), 'foreign-certificate'],
      ['rip@devco.net', rawOf(rip), 'wrong-kind'],
      ['dev1.devco.net', Buffer.from('x'), 'bad-certificate'],
    ] as const)
      assert.equal(prove(name, raw)?.code, code, code);
  });
});
