import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeAbandoned } from '../../../../src/agents/publish/actions/prune.ts';
import { openStore } from '../../../../src/agents/publish/store/store.ts';
import { startTickets } from '../../../../src/agents/publish/transfer/tickets.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import type { ArtifactHolder } from '../../../../src/core/publish/holder.ts';
import { openTicket, type TicketContent } from '../../../../src/core/publish/ticket.ts';
import type { SignedTicket } from '../../../../src/core/wire/messages.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { nodeIdentity, startPublisher } from '../../../support/publish/publisher.ts';
import { contentFor, idOf, makeArtifact, ticketBy } from '../../../support/publish/tickets.ts';
import { isProblem } from '../../../support/thrown.ts';

let fleet: Fleet;
let rip: Member;
let eve: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = await Promise.all([fleet.operator('rip@devco.net'), fleet.operator('eve@devco.net')]);
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

const ticketFor = (changes: Partial<TicketContent> = {}, of = artifact, by = rip) =>
  ticketBy(by, contentFor(of, both, changes));

describe('an artifact from an operator', () => {
  test('is announced, received in parts and published with its sums', async () => {
    const { call, list, prepare, fetch, state, store } = await publisher();
    const ticket = ticketFor({ sumsSignature: Buffer.alloc(64, 7) });
    const id = idOf(ticket).toString('hex');
    assert.deepEqual(await prepare(ticket), {
      ticket: id,
      published: false,
      missing: 3,
      ranges: [{ first: 0, count: 3 }],
    });
    assert.deepEqual(await store(ticket, { manifest: artifact.manifest }), { missing: 3 });
    assert.deepEqual(await store(ticket, { chunk: { index: 1, data: artifact.chunk(1) } }), { missing: 2 });
    const { receiving } = (await list()) as { receiving: JsonObject[] };
    assert.deepEqual(receiving, [{ sha256, size: artifact.bytes.length, have: 256 * 1024 }]);
    assert.deepEqual((await prepare(ticket))['ranges'], [
      { first: 0, count: 1 },
      { first: 2, count: 1 },
    ]);
    await assert.rejects(
      fetch(ticket),
      isProblem('incomplete-artifact', /^shop 20 lacks 262244 of 524388 bytes: no node was named/),
    );
    for (const index of [0, 2]) await store(ticket, { chunk: { index, data: artifact.chunk(index) } });
    assert.deepEqual(await fetch(ticket), {
      ...{ application: 'shop', revision: '20', sha256, size: artifact.bytes.length, changed: true },
      ...{ received: 0, sources: [], rejected: [] },
    });
    const file = join(state, 'applications/shop/shop-20.tar.gz');
    assert.deepEqual(readFileSync(file), artifact.bytes);
    assert.equal(readFileSync(`${file}.sha256`, 'utf8'), `${sha256}  shop-20.tar.gz\n`);
    assert.equal(readFileSync(`${file}.sha256.sig`, 'utf8'), `${Buffer.alloc(64, 7).toString('base64')}\n`);
    const { takes, published, receiving: none, used, max_total } = (await list()) as Record<string, JsonObject[]>;
    assert.deepEqual([takes, none, used, max_total], [['shop'], [], artifact.bytes.length, 100_000_000]);
    const { at, ...entry } = published?.[0] ?? {};
    assert.deepEqual(entry, {
      ...{
        application: 'shop',
        revision: '20',
        sha256,
        size: artifact.bytes.length,
        by: 'cert=rip@devco.net',
        signed: true,
      },
    });
    assert.ok(Number(at) > 0);
    assert.deepEqual((await prepare(ticket))['published'], true);
    await assert.rejects(fetch(ticket), isProblem('unknown-ticket'), 'its ticket is used up');
    assert.deepEqual((await call('list', { application: 'other' }))['takes'], []);
  });

  test('is refused before anything is stored', async () => {
    const { prepare, state } = await publisher('dev1.devco.net', { max_size: artifact.bytes.length - 1 });
    const refused: [SignedTicket, string, RegExp][] = [
      [ticketFor(), 'artifact-too-large', /shop 20 has 524388 bytes, and 524387 are allowed/],
      [
        ticketFor({ application: 'other' }),
        'unknown-application',
        /dev1\.devco\.net does not take the application “other”/,
      ],
      [ticketFor({ nodes: ['dev3.devco.net'] }), 'bad-ticket', /not for dev1/],
      [
        ticketFor({}, artifact, eve),
        'bad-ticket',
        /was signed by cert=eve@devco\.net, and cert=rip@devco\.net presents it/,
      ],
    ];
    for (const [ticket, code, message] of refused) await assert.rejects(prepare(ticket), isProblem(code, message));
    const only = await publisher('dev1.devco.net', { applications: { shop: { publishers: ['cert=eve@devco.net'] } } });
    await assert.rejects(
      only.prepare(ticketFor()),
      isProblem('policy-denied', /cert=rip@devco\.net may not publish shop/),
    );
    assert.equal((await only.prepare(ticketFor({}, artifact, eve), { caller: 'cert=eve@devco.net' }))['missing'], 3);
    assert.deepEqual(readdirSync(join(state, 'partial')), []);
  });

  test('is refused where it does not fit, also in a dry run, and takes no ticket then', async () => {
    const { prepare, list, fetch } = await publisher('dev1.devco.net', { max_total: artifact.bytes.length - 1 });
    for (const dryRun of [true, false]) {
      await assert.rejects(
        prepare(ticketFor(), { dryRun }),
        isProblem('too-many-published', /would take 524388 bytes, and 524387/),
      );
    }
    assert.deepEqual((await list())['receiving'], []);
    await assert.rejects(fetch(ticketFor()), isProblem('unknown-ticket'));
    const fits = await publisher('dev1.devco.net', { max_total: artifact.bytes.length });
    assert.deepEqual((await fits.prepare(ticketFor(), { dryRun: true }))['ranges'], []);
    assert.deepEqual((await fits.list())['receiving'], [], 'a dry run accepts nothing');
    assert.equal((await fits.prepare(ticketFor()))['missing'], 3);
  });

  test('is not another one under the same revision, and needs no bytes that are here', async () => {
    const { fetch, prepare, publish, list } = await publisher();
    await publish(ticketFor());
    const other = makeArtifact(300_000);
    await assert.rejects(
      prepare(ticketFor({}, other)),
      isProblem('revision-published', new RegExp(`with the SHA-256 sum ${sha256}`)),
    );
    const again = ticketFor({ revision: '21' });
    assert.deepEqual((await prepare(again))['missing'], 0);
    assert.equal((await fetch(again))['changed'], true);
    assert.equal((await list())['used'], artifact.bytes.length, 'once for both revisions');
  });

  test('is published once more, without its bytes, if its sum was not signed before', async () => {
    const { publish, prepare, fetch, list } = await publisher();
    await publish(ticketFor());
    const ticket = ticketFor({ sumsSignature: Buffer.alloc(64, 7) });
    const { published, missing } = await prepare(ticket);
    assert.deepEqual([published, missing], [false, 0]);
    await fetch(ticket);
    const entries = (await list())['published'] as JsonObject[];
    assert.deepEqual(
      entries.map(({ revision, signed }) => [revision, signed]),
      [['20', true]],
    );
    assert.equal((await prepare(ticket))['published'], true);
  });

  test('is taken only from the operator of its ticket, whole and in order', async () => {
    const { prepare, store } = await publisher();
    const ticket = ticketFor();
    await assert.rejects(store(ticket, { manifest: artifact.manifest }), isProblem('unknown-ticket'));
    await prepare(ticket);
    await assert.rejects(store(ticket, { manifest: artifact.manifest }, eve), isProblem('unknown-ticket'));
    const data = artifact.chunk(0);
    await assert.rejects(
      store(ticket, { chunk: { index: 0, data } }),
      isProblem('bad-chunk', /before the list of chunks/),
    );
    await assert.rejects(
      store(ticket, { manifest: Buffer.alloc(96) }),
      isProblem('bad-chunk', /the list of chunks from cert=rip/),
    );
    await store(ticket, { manifest: artifact.manifest });
    for (const chunk of [
      { index: 1, data },
      { index: 3, data },
      { index: 0, data: data.subarray(1) },
    ]) {
      await assert.rejects(store(ticket, { chunk }), isProblem('bad-chunk', /is corrupted/));
    }
    await assert.rejects(store(ticket, {}), isProblem('malformed-message'));
    const asked: object[] = [];
    const denied = await publisher('dev1.devco.net', {}, {}, async (access) => {
      asked.push(access);
      return false;
    });
    await denied.prepare(ticket);
    await assert.rejects(denied.store(ticket, { manifest: artifact.manifest }), isProblem('policy-denied'));
    assert.deepEqual(asked, [{ caller: 'cert=rip@devco.net', agent: 'publish', action: 'prepare', limited: false }]);
  });

  test('removes the oldest beyond the number to keep, and never the one that just arrived', async () => {
    const { publish, list, call, state } = await publisher();
    const artifacts = [makeArtifact(1000), makeArtifact(2000), makeArtifact(3000)];
    for (const [index, one] of artifacts.entries()) await publish(ticketFor({ revision: String(index) }, one), one);
    const revisions = async () => ((await list())['published'] as JsonObject[]).map(({ revision }) => revision).sort();
    assert.deepEqual(await revisions(), ['1', '2']);
    assert.equal(readdirSync(join(state, 'blobs')).length, 4, 'two artifacts with their manifests');
    const prune = { application: 'shop', keep: 0 };
    assert.deepEqual(await call('prune', { ...prune, held: ['2'] }, { dryRun: true }), { removed: ['1'], freed: 2000 });
    assert.deepEqual(await revisions(), ['1', '2']);
    assert.deepEqual(await call('prune', { ...prune, held: ['2'] }), { removed: ['1'], freed: 2000 });
    assert.deepEqual(await call('prune', { ...prune, keep: 1 }), { removed: [], freed: 0 });
    assert.deepEqual([await revisions(), readdirSync(join(state, 'blobs')).length], [['2'], 2]);
    assert.deepEqual(await call('prune', prune), { removed: ['2'], freed: 3000 });
    assert.deepEqual(readdirSync(join(state, 'applications/shop')), []);
  });
});

describe('an artifact that is not what its ticket says', () => {
  test('is removed when its sum is wrong, though each of its parts was as announced', async () => {
    const { fetch, list, prepare, publish, state } = await publisher();
    const ticket = ticketFor({ sha256: Buffer.alloc(32, 1) });
    await assert.rejects(publish(ticket), isProblem('bad-checksum', new RegExp(`the SHA-256 sum ${sha256}, not 0101`)));
    assert.deepEqual([readdirSync(join(state, 'partial')), readdirSync(join(state, 'blobs'))], [[], []]);
    assert.deepEqual((await prepare(ticket))['ranges'], [{ first: 0, count: 3 }], 'all of it is missing again');
    assert.deepEqual((await list())['published'], []);
    await assert.rejects(fetch(ticket), isProblem('incomplete-artifact'));
  });

  test('is not listed if its entry is damaged, and can be published again', async () => {
    const { list, prepare, publish, state } = await publisher();
    const ticket = ticketFor();
    await publish(ticket);
    writeFileSync(join(state, 'applications/shop/shop-20.json'), '{"application":');
    writeFileSync(join(state, 'applications/shop/shop-21.json'), '{"application":"other"}');
    assert.deepEqual((await list())['published'], []);
    assert.deepEqual((await prepare(ticket))['published'], false);
    rmSync(join(state, 'blobs', `${sha256}.manifest`));
    const sent: unknown[] = [];
    const { give } = await publisher('dev2.devco.net');
    const ask = { ticket, manifest: true, wanted: [] } as unknown as Parameters<ArtifactHolder['give']>[0];
    await assert.rejects(
      give(ask, nodeIdentity('dev1.devco.net'), async (event) => void sent.push(event), new AbortController().signal),
      isProblem('not-published'),
    );
    assert.deepEqual(sent, []);
  });
});

describe('what a transfer left behind', () => {
  test('is resumed after a restart with the parts that are good', async () => {
    const { state, prepare, store } = await publisher();
    const ticket = ticketFor();
    await prepare(ticket);
    await store(ticket, { manifest: artifact.manifest });
    for (const index of [0, 1]) await store(ticket, { chunk: { index, data: artifact.chunk(index) } });
    const [name = ''] = readdirSync(join(state, 'partial')).filter((one) => !one.endsWith('.manifest'));
    const file = join(state, 'partial', name);
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5);
    writeFileSync(file, bytes);
    const tickets = startTickets(await openStore(state), 10_000, Date.now);
    const proven = openTicket(ticket, 'dev1.devco.net', fleet.trust, Date.now(), 0);
    const { partial } = await tickets.accept(proven);
    assert.deepEqual(
      [partial.ranges(), partial.hasManifest()],
      [
        [
          { first: 0, count: 1 },
          { first: 2, count: 1 },
        ],
        true,
      ],
    );
    writeFileSync(`${file}.manifest`, 'damaged');
    const again = await startTickets(await openStore(state), 10_000, Date.now).accept(proven);
    assert.deepEqual([again.partial.missing(), again.partial.hasManifest()], [3, false]);
  });

  test('is removed after a week, but nothing that is published', async () => {
    const { state, prepare, publish, store } = await publisher();
    await publish(ticketFor());
    const other = makeArtifact(1000);
    const ticket = ticketFor({ revision: '21' }, other);
    await prepare(ticket);
    await store(ticket, { manifest: other.manifest });
    writeFileSync(join(state, 'blobs/orphan'), 'x');
    utimesSync(join(state, 'blobs/orphan'), 0, 0);
    const opened = await openStore(state);
    const week = 7 * 86_400_000;
    await removeAbandoned(opened, Date.now() + week - 60_000);
    assert.equal(existsSync(join(state, 'blobs/orphan')), true);
    await removeAbandoned(opened, Date.now() + week + 60_000);
    assert.deepEqual(readdirSync(join(state, 'partial')), []);
    assert.deepEqual(readdirSync(join(state, 'blobs')).sort(), [sha256, `${sha256}.manifest`]);
    rmSync(state, { recursive: true });
  });
});

describe('the tickets of a node', () => {
  test('are found by their signer until they end, and at most 48 of one at once', async () => {
    const start = Date.now();
    let time = start;
    const tickets = startTickets(await openStore(join(temporaryDirectory(), 'publish')), 1000, () => time);
    const open = (changes: Partial<TicketContent> = {}) =>
      openTicket(ticketFor({ issuedAt: start, ...changes }), 'dev1.devco.net', fleet.trust, time, 1000);
    const proven = open();
    const { partial } = await tickets.accept(proven);
    assert.equal(tickets.find(proven.id, proven.caller).partial, partial);
    assert.throws(() => tickets.find(proven.id, 'cert=eve@devco.net'), isProblem('unknown-ticket'));
    assert.equal((await tickets.accept(open({ revision: '21' }))).partial, partial, 'one state for one artifact');
    assert.deepEqual(tickets.receiving(), [partial]);
    assert.deepEqual([tickets.promised(''), tickets.promised(partial.sha256)], [artifact.bytes.length, 0]);
    for (let n = 2; n < 48; n++) await tickets.accept(open({ revision: `r${n}` }));
    await assert.rejects(tickets.accept(open({ revision: 'more' })), isProblem('busy', /^48 tickets of /));
    await tickets.accept(proven);
    tickets.drop(proven.id);
    await tickets.accept(open({ revision: 'more' }));
    time += 61_000;
    assert.equal(tickets.promised(''), 0, 'of which nothing arrived for a minute');
    time += 3_600_000;
    const [one] = [proven];
    assert.throws(() => tickets.find(one.id, one.caller), isProblem('unknown-ticket'));
    const brief = (of: string) => open({ issuedAt: time, expiresAt: time + 1000, revision: of });
    const last = brief('last');
    await tickets.accept(last);
    assert.equal(tickets.receiving().length, 1, 'old ones are forgotten');
    time += 2000;
    await tickets.accept(brief('later'));
    assert.equal(tickets.find(last.id, last.caller).proven, last, 'clocks may differ');
    time += 1;
    await tickets.accept(brief('latest'));
    assert.throws(() => tickets.find(last.id, last.caller), isProblem('unknown-ticket'));
  });
});
