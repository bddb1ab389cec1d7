import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { openStore, type Store } from '../../../../src/agents/publish/store/store.ts';
import { defineGive } from '../../../../src/agents/publish/transfer/give.ts';
import { openPartial } from '../../../../src/agents/publish/transfer/partial.ts';
import type { TicketContent } from '../../../../src/core/publish/ticket.ts';
import { ticketCodec } from '../../../../src/core/wire/codec.ts';
import type { FetchEvent, SignedTicket } from '../../../../src/core/wire/messages.ts';
import { fixedNode } from '../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { startPublishing } from '../../../support/publish/publishing.ts';
import { contentFor, makeArtifact, ticketBy } from '../../../support/publish/tickets.ts';

const self = fixedNode.identity;
const peerName = 'dev3.devco.net';
const grace = fixedNode.clockGrace;
const rip = 'cert=rip@devco.net';
const artifact = makeArtifact(600_000);
const { signal } = new AbortController();

let fleet: Fleet;
let operator: Member;
let peer: Member;
let state: string;
before(async () => {
  fleet = await makeFleet();
  operator = await fleet.operator('rip@devco.net');
  peer = await fleet.node(peerName);
});
after(() => fleet.remove());
beforeEach(() => {
  state = mkdtempSync('/dev/shm/mco-publish-');
});
afterEach(() => rmSync(state, { recursive: true }));

const ticketFor = (changes: Partial<TicketContent> = {}) =>
  ticketBy(operator, contentFor(artifact, [self, peerName], changes));

describe('a node that sends an artifact', () => {
  /** The node has the artifact; `fetch` asks for it as another node. */
  const start = async (until = signal) => {
    const node = await startPublishing(fleet, state);
    const store = await openStore(join(state, 'publish'));
    const partial = await openPartial(store, ticketCodec.decode(ticketFor().ticket));
    await partial.takeManifest(artifact.manifest, 'a test');
    for (let index = 0; index < artifact.chunks; index++)
      await partial.takeChunk(index, artifact.chunk(index), 'a test');
    await partial.finish();
    const fetch = async (
      signed: SignedTicket,
      onEvent: (event: FetchEvent) => Promise<void> = async () => {},
      by = peer,
    ) => {
      const wanted = [{ first: 0, count: artifact.chunks }];
      await node.agent.artifacts?.give({ ticket: signed, manifest: true, wanted }, by.identity, onEvent, until);
    };
    return { node, fetch };
  };

  const nothing = async () => assert.fail('something was sent');

  test('asks its policy, and sends only to nodes of the ticket', async () => {
    const { node, fetch } = await start();
    let got = 0;
    await fetch(ticketFor(), async ({ chunk }) => {
      got += chunk?.data.length ?? 0;
    });
    assert.equal(got, artifact.bytes.length);
    assert.deepEqual(node.asked, [{ caller: rip, agent: 'publish', action: 'fetch', limited: false }]);
    node.allowed = false;
    await assert.rejects(fetch(ticketFor(), nothing), { code: 'policy-denied' });
    node.allowed = true;
    const stranger = await fleet.node('dev9.devco.net');
    await assert.rejects(fetch(ticketFor(), nothing, stranger), { code: 'bad-ticket' });
    assert.deepEqual(
      node.served.map(({ bytes, code, peer: to }) => [to, bytes, code]),
      [
        [peerName, artifact.bytes.length, ''],
        [peerName, 0, 'policy-denied'],
        ['dev9.devco.net', 0, 'bad-ticket'],
      ],
    );
  });

  test('stops at the chunk after which the ticket ended, and records what it sent until then', async (context) => {
    // Before the agent begins to look at it.
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const { node, fetch } = await start();
    const signed = ticketFor({ expiresAt: Date.now() + 60_000 });
    const chunks: number[] = [];
    const sending = fetch(signed, async ({ chunk }) => {
      if (!chunk) return;
      chunks.push(chunk.index);
      if (chunk.index === 0) context.mock.timers.setTime(Date.now() + 60_001 + grace);
    });
    await assert.rejects(sending, { code: 'expired-ticket' });
    assert.deepEqual(chunks, [0]);
    assert.deepEqual(
      node.served.map(({ bytes, code }) => [bytes, code]),
      [[artifact.chunk(0).length, 'expired-ticket']],
    );
  });

  test('stops at the chunk after which the other node is gone, which is not a fault', async () => {
    const gone = new AbortController();
    const { node, fetch } = await start(gone.signal);
    const chunks: number[] = [];
    const sending = fetch(ticketFor(), async ({ chunk }) => {
      if (chunk) chunks.push(chunk.index);
      if (chunk?.index === 0) gone.abort();
    });
    await assert.rejects(sending, { code: 'cancelled' });
    assert.deepEqual(chunks, [0]);
    assert.deepEqual(
      node.served.map(({ bytes, code }) => [bytes, code]),
      [[artifact.chunk(0).length, 'cancelled']],
    );
  });

  test('serves each node once, two at once, and the next when one has ended, however it ended', async () => {
    const { node, fetch } = await start();
    const [four, five] = [await fleet.node('dev4.devco.net'), await fleet.node('dev5.devco.net')];
    const signed = ticketFor({ nodes: [self, peerName, 'dev4.devco.net', 'dev5.devco.net'] });
    const fault = async ({ chunk }: FetchEvent) => {
      if (chunk?.index === 1) throw new Error('the connection broke');
    };
    for (let again = 0; again < 3; again++) await assert.rejects(fetch(signed, fault), /the connection broke/);
    const sent = { bytes: artifact.chunk(0).length, code: 'internal' };
    assert.deepEqual(
      node.served.map(({ bytes, code }) => ({ bytes, code })),
      [sent, sent, sent],
      'each time that something was sent',
    );
    const gate = Promise.withResolvers<void>();
    const sending = [four, five].map((member) => {
      const begun = Promise.withResolvers<void>();
      const ended = fetch(
        signed,
        () => {
          begun.resolve();
          return gate.promise;
        },
        member,
      );
      return { begun: begun.promise, ended };
    });
    for (const { begun } of sending) await begun;
    await assert.rejects(fetch(signed), { code: 'busy', message: /to 2 other nodes already/ });
    await assert.rejects(fetch(signed, undefined, four), {
      code: 'busy',
      message: /sends to dev4\.devco\.net already/,
    });
    gate.resolve();
    for (const { ended } of sending) await ended;
    await fetch(signed);
  });

  test('reports a refusal once to each node, until 1000 others follow it', async () => {
    const log = keepingLog();
    const assertTaken = () => assert.fail('the ticket is not proven');
    const give = defineGive({ store: {} as Store, node: fixedNode, most: 2, assertTaken, now: Date.now, log });
    const ticket = { ...ticketFor(), chain: [] };
    const refuse = async (name: string) => {
      const asking = give({ ticket, manifest: true, wanted: [] }, { ...peer.identity, name }, nothing, signal);
      await assert.rejects(asking, { code: 'bad-ticket' });
      return log.lines.length;
    };
    for (let node = 1; node <= 1000; node++) await refuse(`dev${node}`);
    assert.equal(await refuse('dev1'), 1000, 'it is remembered');
    assert.equal(await refuse('dev1001'), 1001);
    assert.equal(await refuse('dev1'), 1002, 'it is forgotten: the memory has a bound');
  });
});
