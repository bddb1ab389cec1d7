import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sign } from '../../../../src/core/credentials/signature.ts';
import { largestArtifact } from '../../../../src/core/publish/limits.ts';
import { assertNode, assertTime, openTicket, type TicketContent } from '../../../../src/core/publish/ticket.ts';
import { ticketCodec } from '../../../../src/core/wire/codec.ts';
import type { SignedTicket, Ticket } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { contentFor, makeArtifact, ticketBy } from '../../../support/publish/tickets.ts';

const node = 'dev2.devco.net';
const grace = 60_000;
const day = 86400_000;
const artifact = makeArtifact(1000);

let fleet: Fleet;
let rip: Member;
let eve: Member;
let limited: Member;
let dev2: Member;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  eve = await fleet.operator('eve@devco.net');
  limited = await fleet.operator('lim@devco.net', { applications: ['mail', 'blog'] });
  dev2 = await fleet.node(node);
});
after(() => fleet.remove());

const ticket = (changes: Partial<TicketContent> = {}, by = rip) => ticketBy(by, contentFor(artifact, [node], changes));
const open = (signed: SignedTicket, at = Date.now(), by = node) => openTicket(signed, by, fleet.trust, at, grace);
/** A ticket with other content than `signTicket` makes, under a signature that holds. */
const forged = (changes: Partial<Ticket>, domain: 'ticket' | 'request' = 'ticket'): SignedTicket => {
  const signed = ticket();
  const content = ticketCodec.encode({ ...ticketCodec.decode(signed.ticket), ...changes });
  return { ...signed, ticket: content, signature: sign(domain, content, rip.key) };
};

describe('a ticket', () => {
  test('is proven by its signature over all of its bytes, as a ticket, by the operator that it names', () => {
    assert.equal(open(ticket()).caller, 'cert=rip@devco.net');
    const bad = { code: 'bad-ticket' };
    const signed = ticket();
    assert.throws(() => open({ ...signed, chain: [] }), bad);
    assert.throws(() => open({ ...signed, chain: [eve.certificate.raw] }), bad);
    assert.throws(() => open({ ...signed, ticket: ticket().ticket }), bad, 'the signature of another ticket');
    assert.throws(() => open(forged({}, 'request')), bad, 'a signature for something else');
    assert.throws(() => open(forged({ operator: 'mco://devco.net/operator/eve@devco.net' })), bad);
    assert.throws(
      () => open(ticket({}, dev2)),
      (problem: { code: string }) => problem.code !== undefined,
    );
  });

  test('is only for the applications of its operator’s certificate', () => {
    const none = { code: 'not-for-application', message: /is for mail, blog, not for shop/ };
    assert.throws(() => open(ticket({}, limited)), none);
    assert.deepEqual([open(ticket({ application: 'blog' }, limited)).limited, open(ticket()).limited], [true, false]);
  });

  test('is only for the nodes that it names', () => {
    assert.throws(() => open(ticket(), Date.now(), 'dev3.devco.net'), { code: 'bad-ticket', message: /not for dev3/ });
    assert.throws(() => open(ticket({ nodes: [] })), { code: 'bad-ticket' });
    assert.throws(() => assertNode({ ...ticketCodec.decode(ticket().ticket) }, 'dev2'), { code: 'bad-ticket' });
  });

  test('lives from its beginning to its end, and as long as clocks may differ, for at most a day', () => {
    const issuedAt = Date.now();
    const at = (now: number) => () => {
      assertTime({ ...ticketCodec.decode(ticket({ issuedAt, expiresAt: issuedAt + day }).ticket) }, now, grace);
      open(ticket({ issuedAt, expiresAt: issuedAt + day }), now);
    };
    for (const now of [issuedAt - grace, issuedAt, issuedAt + day, issuedAt + day + grace]) at(now)();
    for (const now of [issuedAt - grace - 1, issuedAt + day + grace + 1]) {
      assert.throws(at(now), { code: 'expired-ticket' });
      assert.throws(() => open(ticket({ issuedAt, expiresAt: issuedAt + day }), now), { code: 'expired-ticket' });
    }
    assert.throws(() => open(ticket({ issuedAt, expiresAt: issuedAt + day + 1 })), { code: 'bad-ticket' });
  });

  test('has content within its limits', () => {
    const good: Partial<Ticket>[] = [
      { application: 'a'.repeat(64) },
      { revision: `2.0+1~a_b-${'c'.repeat(118)}` },
      { size: 1 },
      { size: largestArtifact },
      { sumsSignature: Buffer.alloc(64) },
      { nodes: [node, 'dev3.devco.net'] },
    ];
    for (const changes of good) open(forged(changes));
    const names = ['', '.', '..', '.a', '-a', 'a/b', 'a\0', 'a\n', 'a b', 'ä'];
    const bad: Partial<Ticket>[] = [
      ...[...names, 'a+b', 'a~b', 'a'.repeat(65)].map((application) => ({ application })),
      ...[...names, 'a'.repeat(129)].map((revision) => ({ revision })),
      ...[0, -1, largestArtifact + 1].map((size) => ({ size })),
      ...[0, 31, 33].flatMap((length) => [{ sha256: Buffer.alloc(length) }, { manifestSha256: Buffer.alloc(length) }]),
      ...[1, 63, 65].map((length) => ({ sumsSignature: Buffer.alloc(length) })),
      { nodes: [node, '../dev3'] },
      { protocol: 0 },
      { protocol: 2 },
    ];
    for (const changes of bad) {
      assert.throws(
        () => open(forged(changes)),
        (problem: { code?: string }) => problem.code !== undefined,
        JSON.stringify(changes),
      );
    }
  });
});
