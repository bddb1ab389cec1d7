import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { assertRoom } from '../../../../src/agents/publish/store/space.ts';
import { freeBytes, openStore } from '../../../../src/agents/publish/store/store.ts';
import { startTickets } from '../../../../src/agents/publish/transfer/tickets.ts';
import { openTicket, type ProvenTicket, type TicketContent } from '../../../../src/core/publish/ticket.ts';
import { signedTicketCodec } from '../../../../src/core/wire/codec.ts';
import type { SignedTicket } from '../../../../src/core/wire/messages.ts';
import { actionContext, fixedNode } from '../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { type Publishing, startPublishing } from '../../../support/publish/publishing.ts';
import { contentFor, idOf, makeArtifact, ticketBy } from '../../../support/publish/tickets.ts';

const self = fixedNode.identity;
const peerName = 'dev3.devco.net';
const grace = fixedNode.clockGrace;
const rip = 'cert=rip@devco.net';
const artifact = makeArtifact(600_000);
const settings = { applications: {}, max_size: 1, keep: 2, serve: 1 };

let fleet: Fleet;
let operator: Member;
let state: string;
before(async () => {
  fleet = await makeFleet();
  operator = await fleet.operator('rip@devco.net');
});
after(() => fleet.remove());
beforeEach(() => {
  state = mkdtempSync('/dev/shm/mco-publish-');
});
afterEach(() => rmSync(state, { recursive: true }));

const ticketFor = (changes: Partial<TicketContent> = {}, of = artifact) =>
  ticketBy(operator, contentFor(of, [self, peerName], changes));
const prove = (signed: SignedTicket): ProvenTicket => openTicket(signed, self, fleet.trust, Date.now(), grace);

const prepare = async ({ agent }: Publishing, signed: SignedTicket) => {
  const handler = agent.handlers.prepare as unknown as (input: object, context: object) => Promise<object>;
  await handler({ ticket: signedTicketCodec.encode(signed).toString('base64') }, actionContext());
};

describe('a chunk that an operator stores', () => {
  test('is refused as soon as the policy no longer allows to publish, and leaves nothing', async () => {
    const node = await startPublishing(fleet, state);
    const signed = ticketFor();
    await prepare(node, signed);
    const store = (part: object) =>
      node.agent.artifacts?.store({ ticket: idOf(signed), ...part } as never, operator.identity) as Promise<{
        missing: number;
      }>;
    await store({ manifest: artifact.manifest });
    assert.equal((await store({ chunk: { index: 0, data: artifact.chunk(0) } })).missing, artifact.chunks - 1);
    node.allowed = false;
    await assert.rejects(store({ chunk: { index: 1, data: artifact.chunk(1) } }), { code: 'policy-denied' });
    node.allowed = true;
    assert.equal((await store({ chunk: { index: 0, data: artifact.chunk(0) } })).missing, artifact.chunks - 1);
    const asked = { caller: rip, agent: 'publish', action: 'prepare', limited: false };
    assert.deepEqual(node.asked.slice(0, 1), [asked]);
    assert.equal(node.asked.length, 4, 'each time');
  });
});

describe('an accepted ticket', () => {
  const start = async () => {
    const clock = { now: Date.now() };
    const store = await openStore(join(state, 'publish'));
    return { clock, store, tickets: startTickets(store, grace, () => clock.now) };
  };

  test('is used by its signer alone, until its end and the grace for clocks have passed', async () => {
    const { clock, tickets } = await start();
    const proven = prove(ticketFor());
    const { expiresAt } = proven.ticket;
    await tickets.accept(proven);
    clock.now = expiresAt + grace;
    assert.equal(tickets.find(proven.id, rip).proven, proven);
    assert.throws(() => tickets.find(proven.id, 'cert=eve@devco.net'), { code: 'unknown-ticket' });
    clock.now++;
    assert.throws(() => tickets.find(proven.id, rip), { code: 'expired-ticket' });
    tickets.drop(proven.id);
    assert.throws(() => tickets.find(proven.id, rip), { code: 'unknown-ticket' });
  });

  test('is one of 64 at most, of which the last quarter is for other operators; one that ended makes room', async () => {
    const { clock, tickets } = await start();
    const soon = prove(ticketFor({ expiresAt: Date.now() + 60_000 }));
    await tickets.accept(soon);
    for (let more = 1; more < 48; more++) await tickets.accept(prove(ticketFor()));
    const one = prove(ticketFor());
    const message = /^48 tickets of cert=rip@devco.net are in use already: the last quarter is for others$/;
    await assert.rejects(tickets.accept(one), { code: 'busy', message });
    const of = (caller: string) => ({ ...prove(ticketFor()), caller });
    for (let more = 48; more < 64; more++) await tickets.accept(of('cert=max@devco.net'));
    await assert.rejects(tickets.accept(of('cert=eve@devco.net')), { code: 'busy', message: /^64 tickets are in use/ });
    await tickets.accept(soon);
    clock.now = soon.ticket.expiresAt + grace + 1;
    await tickets.accept(of('cert=eve@devco.net'));
  });

  test('keeps what it still needs for itself while parts of it arrive, and for a minute after', async () => {
    const { clock, tickets } = await start();
    const [first, second] = [artifact, makeArtifact(300_000)].map((of) => prove(ticketFor({}, of)));
    assert.ok(first && second);
    const accepted = await tickets.accept(first);
    await tickets.accept(second);
    await tickets.accept(prove(ticketFor({ revision: '21' })));
    const shas = [first, second].map(({ ticket }) => ticket.sha256.toString('hex')) as [string, string];
    assert.deepEqual([tickets.promised(''), tickets.promised(shas[0])], [900_000, 300_000]);
    await accepted.partial.takeManifest(artifact.manifest, 'a test');
    await accepted.partial.takeChunk(0, artifact.chunk(0), 'a test');
    assert.equal(tickets.promised(shas[1]), 600_000 - artifact.chunk(0).length);
    clock.now = Math.max(accepted.partial.touchedAt(), clock.now) + 60_000;
    assert.equal(tickets.promised(''), 0);
  });
});

describe('room for an artifact', () => {
  test('is what is allowed and free, less what was promised to others', async () => {
    const store = await openStore(join(state, 'publish'));
    const most = (max_total: number) => ({ ...settings, max_total });
    await assertRoom(store, most(1000), 1000, 0);
    await assert.rejects(assertRoom(store, most(999), 1000, 0), { code: 'too-many-published' });
    const free = await freeBytes(store);
    await assert.rejects(assertRoom(store, most(1e15), 1000, free), { code: 'no-space' });
    await assert.rejects(assertRoom(store, most(1e15), free, 0), { code: 'no-space', hint: /mco-deploy prune/ });
    await assertRoom(store, most(0), 0, free);
  });
});
