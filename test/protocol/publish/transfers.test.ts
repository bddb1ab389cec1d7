import assert from 'node:assert/strict';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Chunk, FetchEvent, FetchRequest, SignedTicket } from '../../../src/core/wire/messages.ts';
import type { TestNode } from '../../support/node/node.ts';
import { type LyingNode, startLyingNode } from '../../support/publish/lying-node.ts';
import { nameOf, type PublishFleet, startPublishFleet, sumOf } from '../../support/publish/publish-fleet.ts';
import {
  contentFor,
  dataOf,
  fetchAs,
  fetchOrder,
  makeArtifact,
  prepareOrder,
  publishTo,
  storeChunks,
  type TestArtifact,
  ticketBy,
} from '../../support/publish/tickets.ts';

let lab: PublishFleet;
let [source, target]: TestNode[] = [];
const liars: LyingNode[] = [];
const { signal } = new AbortController();
let revision = 0;

before(async () => {
  lab = await startPublishFleet(2, { publish: { serve: 2, keep: 3, max_total: 60_000_000 } });
  [source, target] = lab.nodes;
});

const stopLiars = async () => {
  for (const liar of liars.splice(0)) await liar[Symbol.asyncDispose]();
};

after(() => lab[Symbol.asyncDispose]());

const blobOn = (node: TestNode, artifact: TestArtifact) =>
  join(lab.store(node), 'blobs', artifact.sha256.toString('hex'));

const newTicket = (artifact: TestArtifact, more: Parameters<typeof contentFor>[2] = {}) => {
  revision++;
  const nodes = [nameOf(1), nameOf(2), 'dev8.devco.net', 'dev9.devco.net'];
  return ticketBy(lab.rip, contentFor(artifact, nodes, { revision: String(revision), ...more }));
};

const call = async (node: TestNode | undefined, order: Parameters<TestNode['call']>[1]) => {
  assert.ok(node);
  return await node.call(lab.rip, order);
};

const accept = async (ticket: SignedTicket) => {
  const reply = await call(target, prepareOrder(ticket));
  assert.equal(reply.outcome, 'ok', reply.message);
  return dataOf(reply);
};

/** A node that has the artifact and alters what it sends. */
const startLiar = async (artifact: TestArtifact, alter: (chunk: Chunk) => Chunk | undefined) => {
  const give = async ({ manifest, wanted }: FetchRequest, send: (event: FetchEvent) => Promise<void>) => {
    if (manifest) await send({ manifest: artifact.manifest });
    for (const { first, count } of wanted) {
      for (let index = first; index < first + count; index++) {
        const chunk = alter({ index, data: artifact.chunk(index) });
        if (chunk === undefined) return;
        await send({ chunk });
      }
    }
  };
  const liar = await startLyingNode(lab.fleet, liars.length === 0 ? 'dev9.devco.net' : 'dev8.devco.net', give);
  liars.push(liar);
  return liar;
};

const corrupt = ({ index, data }: Chunk): Chunk => ({ index, data: Buffer.from(data).fill(0, 0, 16) });

describe('a transfer of wrong bytes', () => {
  afterEach(stopLiars);

  test('leaves a source at the first corrupted chunk, and copies the rest from another', async () => {
    const artifact = makeArtifact();
    const ticket = newTicket(artifact);
    await publishTo(source as TestNode, lab.rip, ticket, artifact);
    const liar = await startLiar(artifact, (chunk) => (chunk.index === 1 ? corrupt(chunk) : chunk));
    await accept(ticket);
    const reply = await call(target, fetchOrder(ticket, [liar, source as TestNode]));
    assert.equal(reply.outcome, 'ok', reply.message);
    const data = dataOf(reply);
    assert.deepEqual(data.rejected, [
      { node: liar.name, code: 'bad-chunk', message: 'chunk 1 from dev9.devco.net is corrupted' },
    ]);
    assert.deepEqual(data.sources, [liar.name, nameOf(1)]);
    assert.equal(data.received, artifact.bytes.length);
    assert.equal(sumOf(await readFile(blobOn(target as TestNode, artifact))), artifact.sha256.toString('hex'));
  });

  const lies: readonly [string, (artifact: TestArtifact) => (chunk: Chunk) => Chunk][] = [
    [
      'another chunk under the same number',
      (artifact) =>
        ({ index }) => ({ index, data: artifact.chunk((index + 1) % 3) }),
    ],
    [
      'a chunk that the artifact does not have',
      () =>
        ({ data }) => ({ index: 4_000_000, data }),
    ],
    [
      'a chunk that is too short',
      () =>
        ({ index, data }) => ({ index, data: data.subarray(1) }),
    ],
    [
      'an empty chunk',
      () =>
        ({ index }) => ({ index, data: Buffer.alloc(0) }),
    ],
  ];

  for (const [what, lie] of lies) {
    test(`stores nothing from a source that sends ${what}`, async () => {
      const artifact = makeArtifact();
      const ticket = newTicket(artifact);
      const liar = await startLiar(artifact, lie(artifact));
      await accept(ticket);
      const reply = await call(target, fetchOrder(ticket, [liar]));
      assert.deepEqual([reply.outcome, reply.code], ['failed', 'incomplete-artifact']);
      assert.match(reply.message, /dev9\.devco\.net: chunk \d+ from dev9\.devco\.net is corrupted/);
      assert.equal((await accept(ticket)).missing, artifact.chunks);
    });
  }

  test('accepts only the list of chunks of the ticket', async () => {
    const artifact = makeArtifact();
    const ticket = newTicket(artifact);
    const liar = await startLiar({ ...artifact, manifest: Buffer.alloc(artifact.manifest.length) }, (chunk) => chunk);
    await accept(ticket);
    const reply = await call(target, fetchOrder(ticket, [liar]));
    assert.match(reply.message, /the list of chunks from dev9\.devco\.net is not the one that the ticket names/);
  });

  test('removes an artifact whose chunks fit and whose digest does not', async () => {
    const artifact = makeArtifact();
    const ticket = newTicket({ ...artifact, sha256: Buffer.alloc(32, 7) });
    const reply = await publishTo(target as TestNode, lab.rip, ticket, artifact);
    assert.deepEqual([reply.outcome, reply.code], ['failed', 'bad-checksum'], reply.message);
    assert.deepEqual(
      (await readdir(join(lab.store(target as TestNode), 'partial'))).filter((name) => name.startsWith('0707')),
      [],
    );
    assert.equal((await accept(ticket)).missing, artifact.chunks);
  });
});

describe('a transfer that stops half-way', () => {
  afterEach(stopLiars);

  test('resumes after a restart of the receiver, also in the middle of a chunk', async () => {
    const artifact = makeArtifact(10 * 256 * 1024 + 5);
    const ticket = newTicket(artifact);
    await publishTo(source as TestNode, lab.rip, ticket, artifact);
    await accept(ticket);
    await storeChunks(target as TestNode, lab.rip, ticket, artifact, [0, 1, 2, 3, 7, 10]);
    // The rest of a write that a kill interrupted.
    const partial = join(lab.store(target as TestNode), 'partial');
    const [file = ''] = (await readdir(partial)).filter((name) => name.startsWith(artifact.sha256.toString('hex')));
    const handle = await open(join(partial, file), 'r+');
    await handle.write(Buffer.alloc(1000), 0, 1000, 3 * 256 * 1024 + 500);
    await handle.close();
    await target?.restart();
    const again = await accept(ticket);
    assert.deepEqual(again.ranges, [
      { first: 3, count: 4 },
      { first: 8, count: 2 },
    ]);
    const reply = await call(target, fetchOrder(ticket, [source as TestNode]));
    assert.equal(reply.outcome, 'ok', reply.message);
    assert.equal(dataOf(reply).received, 6 * 256 * 1024);
    assert.deepEqual(await readFile(blobOn(target as TestNode, artifact)), artifact.bytes);
  });

  test('continues with another source if one stops half-way, and skips what it already has', async () => {
    const artifact = makeArtifact(8 * 256 * 1024);
    const ticket = newTicket(artifact);
    await publishTo(source as TestNode, lab.rip, ticket, artifact);
    const liar = await startLiar(artifact, (chunk) => (chunk.index < 5 ? chunk : undefined));
    await accept(ticket);
    const data = dataOf(await call(target, fetchOrder(ticket, [liar, source as TestNode])));
    assert.deepEqual([data.received, data.sources], [artifact.bytes.length, [liar.name, nameOf(1)]]);
    const served = (await (source as TestNode).records()).findLast(({ kind }) => kind === 'served');
    assert.ok(served?.kind === 'served' && served.bytes === 3 * 256 * 1024);
  });
});

describe('a transfer', () => {
  afterEach(stopLiars);

  test('runs to a limited number of nodes at once, and a further one is refused until one ends', async () => {
    // More than the buffers on the way take.
    const artifact = makeArtifact(120 * 256 * 1024);
    const ticket = newTicket(artifact);
    await publishTo(source as TestNode, lab.rip, ticket, artifact);
    const go = Promise.withResolvers<void>();
    const wanted = [{ first: 0, count: artifact.chunks }];
    /** Takes a place at the source until it may go on. */
    const readSlowly = async (name: string) => {
      const peer = await fetchAs(await lab.fleet.node(name), lab.fleet, source as TestNode);
      const first = Promise.withResolvers<void>();
      const take = async () => {
        first.resolve();
        await go.promise;
      };
      const end = peer.fetch({ ticket, manifest: false, wanted }, take, signal).finally(peer.close);
      await Promise.race([first.promise, end]);
      return { end };
    };
    const one = await readSlowly('dev9.devco.net');
    await assert.rejects(readSlowly('dev9.devco.net'), { code: 'busy' }, 'one node has one place');
    const two = await readSlowly('dev8.devco.net');
    await accept(ticket);
    const busy = await call(target, fetchOrder(ticket, [source as TestNode]));
    assert.deepEqual([busy.outcome, busy.code], ['failed', 'busy'], busy.message);
    go.resolve();
    await Promise.all([one.end, two.end]);
    const reply = await call(target, fetchOrder(ticket, [source as TestNode]));
    assert.equal(reply.outcome, 'ok', reply.message);
  });

  test('is not served by a node whose disk corrupted the artifact, and the node removes it', async () => {
    const artifact = makeArtifact();
    const ticket = newTicket(artifact);
    await publishTo(source as TestNode, lab.rip, ticket, artifact);
    const handle = await open(blobOn(source as TestNode, artifact), 'r+');
    await handle.write(Buffer.from('x'), 0, 1, 300_000);
    await handle.close();
    await accept(ticket);
    const reply = await call(target, fetchOrder(ticket, [source as TestNode]));
    assert.match(reply.message, /chunk 1 from dev1\.devco\.net is corrupted/);
    await assert.rejects(readFile(blobOn(source as TestNode, artifact)), { code: 'ENOENT' });
    // It can be published there again.
    const again = await publishTo(
      source as TestNode,
      lab.rip,
      newTicket(artifact, { revision: String(revision) }),
      artifact,
    );
    assert.equal(again.outcome, 'ok', again.message);
    assert.equal((await call(target, fetchOrder(ticket, [source as TestNode]))).outcome, 'ok');
  });

  test('connects only to an address where the node proves its identity', async () => {
    const artifact = makeArtifact();
    const ticket = newTicket(artifact);
    const liar = await startLiar(artifact, (chunk) => chunk);
    await accept(ticket);
    // At the address of dev9 a node that is named dev8 is asked for.
    const reply = await call(target, fetchOrder(ticket, [{ name: 'dev8.devco.net', daemon: liar.daemon }]));
    assert.equal(reply.code, 'incomplete-artifact');
    assert.match(reply.message, /at the address of dev8\.devco\.net answers dev9\.devco\.net/);
    assert.equal(liar.asked(), 0);
    const outside = await call(target, fetchOrder(ticket, [{ name: 'evil.devco.net', daemon: liar.daemon }]));
    assert.match(outside.message, /the ticket is not for evil\.devco\.net/);
  });

  test('is refused if artifacts would exceed the allowed space, and the oldest of an application are removed', async () => {
    const reply = await call(target, prepareOrder(newTicket(makeArtifact(), { size: 59_999_999 })));
    assert.deepEqual([reply.outcome, reply.code], ['failed', 'too-many-published'], reply.message);
    const listed = dataOf(await call(target, { agent: 'publish', action: 'list', input: { application: 'shop' } }));
    assert.equal((listed.published as unknown[]).length, 3);
    assert.ok((listed.used as number) < 60_000_000);
    const blobs = (await readdir(join(lab.store(target as TestNode), 'blobs'))).filter((name) => !name.includes('.'));
    assert.equal(blobs.length, 3);
  });

  test('completes when repeated after an interruption between its last steps', async () => {
    const artifact = makeArtifact();
    const ticket = newTicket(artifact);
    assert.equal((await publishTo(target as TestNode, lab.rip, ticket, artifact)).outcome, 'ok');
    const directory = join(lab.store(target as TestNode), 'applications/shop');
    for (const ending of ['.tar.gz.sha256', '.json', '.tar.gz']) {
      await rm(join(directory, `shop-${revision}${ending}`));
      const prepared = await accept(ticket);
      assert.deepEqual([prepared.published, prepared.missing], [false, 0], ending);
      assert.equal((await call(target, fetchOrder(ticket, []))).outcome, 'ok');
      assert.equal((await accept(ticket)).published, true);
    }
  });
});
