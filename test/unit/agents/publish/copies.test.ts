import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import type { ArtifactHolder } from '../../../../src/core/publish/holder.ts';
import type { TicketContent } from '../../../../src/core/publish/ticket.ts';
import type { SignedTicket } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { nodeIdentity, startPublisher } from '../../../support/publish/publisher.ts';
import { contentFor, idOf, makeArtifact, ticketBy } from '../../../support/publish/tickets.ts';
import { isProblem } from '../../../support/thrown.ts';

let fleet: Fleet;
let rip: Member;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});
after(() => fleet.remove());

const both = ['dev1.devco.net', 'dev2.devco.net'];
const artifact = makeArtifact(2 * 256 * 1024 + 100);
const sha256 = artifact.sha256.toString('hex');

type Options = Parameters<typeof startPublisher> extends [Fleet, Member, ...infer Rest] ? Rest : never;
const publisher = async (...options: Options) => {
  const made = await startPublisher(fleet, rip, ...options);
  return { ...made, publish: (ticket: SignedTicket, of = artifact) => made.publish(ticket, of) };
};

const ticketFor = (changes: Partial<TicketContent> = {}, of = artifact) => ticketBy(rip, contentFor(of, both, changes));

describe('an artifact from another node', () => {
  const address = { node: 'dev2.devco.net', addresses: ['10.0.0.2:8140', 'not an address'] };

  test('is copied and verified, and the other records what it sent', async () => {
    const other = await publisher('dev2.devco.net');
    const ticket = ticketFor();
    await other.publish(ticket);
    const one = await publisher('dev1.devco.net', {}, { 'dev2.devco.net': other.give });
    await one.prepare(ticket);
    const reply = await one.fetch(ticket, [{ node: 'dev3.devco.net', addresses: [] }, address]);
    const { received, sources, rejected } = reply as { received: number; sources: string[]; rejected: JsonObject[] };
    assert.deepEqual([received, sources], [artifact.bytes.length, ['dev2.devco.net']]);
    assert.deepEqual(rejected, [
      { node: 'dev3.devco.net', code: 'bad-ticket', message: 'the ticket is not for dev3.devco.net' },
    ]);
    assert.deepEqual(one.opened, ['dev2.devco.net 10.0.0.2:8140']);
    const fields = {
      application: 'shop',
      revision: '20',
      sha256,
      caller: 'cert=rip@devco.net',
      ticket: idOf(ticket).toString('hex'),
    };
    assert.deepEqual(other.served, [{ ...fields, peer: 'dev1.devco.net', bytes: artifact.bytes.length, code: '' }]);
    assert.deepEqual(readFileSync(join(one.state, 'blobs', sha256)), artifact.bytes);
  });

  test('continues with the next source after one that fails, with what is missing still', async () => {
    const other = await publisher('dev2.devco.net');
    const nodes = [...both, 'dev3.devco.net'];
    const ticket = ticketFor({ nodes });
    await other.publish(ticket);
    const half: ArtifactHolder['give'] = async (request, peer, send, signal) => {
      await other.give(
        request,
        peer,
        async (event) => {
          if (event.chunk?.index === 1) throw new Problem('unreachable', 'the connection broke');
          await send(event);
        },
        signal,
      );
    };
    const wanted: unknown[] = [];
    const rest: ArtifactHolder['give'] = (request, ...others) => {
      wanted.push(request.wanted, request.manifest);
      return other.give(request, ...others);
    };
    const one = await publisher('dev1.devco.net', {}, { 'dev3.devco.net': half, 'dev2.devco.net': rest });
    await one.prepare(ticket);
    const reply = await one.fetch(ticket, [{ node: 'dev3.devco.net', addresses: [] }, address]);
    assert.deepEqual(
      [reply['sources'], wanted],
      [
        ['dev3.devco.net', 'dev2.devco.net'],
        [[{ first: 1, count: 2 }], false],
      ],
    );
    assert.deepEqual(reply['rejected'], [
      { node: 'dev3.devco.net', code: 'unreachable', message: 'the connection broke' },
    ]);
  });

  test('is not published if no source has it, with the reason of each', async () => {
    const busy: ArtifactHolder['give'] = async () => {
      throw new Problem('busy', 'dev2 sends to 1 other nodes already');
    };
    const ticket = ticketFor();
    const one = await publisher('dev1.devco.net', {}, { 'dev2.devco.net': busy });
    await one.prepare(ticket);
    await assert.rejects(
      one.fetch(ticket, [address]),
      isProblem('busy', /lacks 524388 .*dev2\.devco\.net: dev2 sends/),
    );
    const none = await publisher();
    await none.prepare(ticket);
    await assert.rejects(
      none.fetch(ticket, [address]),
      isProblem('incomplete-artifact', /dev2\.devco\.net: no answer$/),
    );
    assert.deepEqual((await none.list())['published'], []);
    const internal = async () => {
      throw new TypeError('a bug');
    };
    const wrong = await publisher('dev1.devco.net', {}, { 'dev2.devco.net': internal });
    await wrong.prepare(ticket);
    await assert.rejects(wrong.fetch(ticket, [address]), isProblem('incomplete-artifact', /a bug/));
    const stop = new AbortController();
    stop.abort();
    await assert.rejects(wrong.fetch(ticket, [address], { signal: stop.signal }), { name: 'AbortError' });
  });
});

describe('a node that sends an artifact', () => {
  const { signal } = new AbortController();
  const all = [{ first: 0, count: 3 }];
  const ask = (
    { give }: Awaited<ReturnType<typeof publisher>>,
    ticket: SignedTicket | null,
    more: object = {},
    send: Parameters<ArtifactHolder['give']>[2] = async () => {},
    peer = 'dev1.devco.net',
  ) =>
    give(
      { ticket, manifest: false, wanted: all, ...more } as Parameters<ArtifactHolder['give']>[0],
      nodeIdentity(peer),
      send,
      signal,
    );

  test('sends only what is asked for, to a node of the ticket, by a right of its signer', async () => {
    const one = await publisher('dev2.devco.net');
    const ticket = ticketFor();
    await assert.rejects(ask(one, ticket), isProblem('not-published', /dev2\.devco\.net does not hold/));
    await assert.rejects(ask(one, null), isProblem('bad-ticket', /the ticket is missing/));
    await one.publish(ticket);
    const events: string[] = [];
    await ask(one, ticket, { wanted: [{ first: 1, count: 1 }] }, async ({ manifest, chunk }) => {
      events.push(manifest ? 'manifest' : `chunk ${chunk?.index}`);
    });
    assert.deepEqual(events, ['chunk 1']);
    await assert.rejects(ask(one, ticket, {}, undefined, 'dev3.devco.net'), isProblem('bad-ticket', /not for dev3/));
    await assert.rejects(ask(one, ticketFor({ application: 'other' })), isProblem('unknown-application'));
    await assert.rejects(ask(one, ticket, { wanted: [{ first: 2, count: 2 }] }), isProblem('malformed-message'));
    const codes = one.served.map((event) => (event as { code: string }).code);
    assert.deepEqual(codes, ['not-published', '', 'bad-ticket', 'unknown-application', 'malformed-message']);
    await assert.rejects(ask(one, ticket, {}, undefined, 'dev3.devco.net'), isProblem('bad-ticket'));
    assert.equal(one.served.length, 5, 'a refusal that repeats itself is recorded once');
    const asked: object[] = [];
    const denied = await publisher('dev2.devco.net', {}, {}, async (access) => asked.push(access) < 0);
    await assert.rejects(
      ask(denied, ticket),
      isProblem('policy-denied', /cert=rip@devco\.net may not publish\.fetch on dev2/),
    );
    assert.deepEqual(asked, [{ caller: 'cert=rip@devco.net', agent: 'publish', action: 'fetch', limited: false }]);
  });

  test('sends to so many others at once, and to each once', async () => {
    const one = await publisher('dev2.devco.net');
    const nodes = [...both, 'dev3.devco.net'];
    const ticket = ticketFor({ nodes });
    await one.publish(ticket);
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = ask(one, ticket, {}, () => {
      begun.resolve();
      return held.promise;
    });
    await begun.promise;
    await assert.rejects(ask(one, ticket), isProblem('busy', /sends to dev1\.devco\.net already/));
    await assert.rejects(
      ask(one, ticket, {}, undefined, 'dev3.devco.net'),
      isProblem('busy', /sends to 1 other nodes already/),
    );
    held.resolve();
    await first;
    await ask(one, ticket);
  });

  test('finds out what its disk has changed, removes it and sends nothing of it', async () => {
    const one = await publisher('dev2.devco.net');
    const ticket = ticketFor();
    await one.publish(ticket);
    const blob = join(one.state, 'blobs', sha256);
    const bytes = Buffer.from(artifact.bytes);
    bytes.writeUInt8(bytes.readUInt8(256 * 1024) ^ 1, 256 * 1024);
    writeFileSync(blob, bytes);
    const sent: unknown[] = [];
    await assert.rejects(
      ask(one, ticket, {}, async ({ chunk }) => void sent.push(chunk?.index)),
      isProblem('bad-chunk', /chunk 1 from dev2\.devco\.net is corrupted/),
    );
    assert.deepEqual([sent, existsSync(blob)], [[0], false]);
    assert.deepEqual((await one.prepare(ticket))['published'], false);
  });
});
