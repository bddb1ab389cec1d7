import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { placeEntry, readEntries, removeEntries } from '../../../../src/agents/publish/store/entries.ts';
import { openStore } from '../../../../src/agents/publish/store/store.ts';
import { openPartial } from '../../../../src/agents/publish/transfer/partial.ts';
import { receive } from '../../../../src/agents/publish/transfer/receive.ts';
import type { ProvenTicket } from '../../../../src/core/publish/ticket.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';
import { contentFor, makeArtifact } from '../../../support/publish/tickets.ts';

const artifact = makeArtifact(300_000);
const sha256 = artifact.sha256.toString('hex');
const proven = (revision = '20'): ProvenTicket => ({
  ticket: {
    ...contentFor(artifact, ['dev1', 'dev2'], { revision, sumsSignature: Buffer.alloc(64) }),
    ...{ protocol: 1, nonce: Buffer.alloc(16), operator: '' },
  },
  signed: { ticket: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] },
  ...{ id: '', caller: 'cert=rip', limited: false },
});

let state: string;
beforeEach(() => {
  state = mkdtempSync('/dev/shm/mco-store-');
});
afterEach(() => rmSync(state, { recursive: true }));

const open = async () => {
  const store = await openStore(join(state, 'publish'));
  const partial = await openPartial(store, proven().ticket);
  return { store, partial };
};
const fill = async (partial: Awaited<ReturnType<typeof openPartial>>) => {
  await partial.takeManifest(artifact.manifest, 'a test');
  for (let index = 0; index < artifact.chunks; index++) await partial.takeChunk(index, artifact.chunk(index), 'a test');
};

describe('an artifact that is whole', () => {
  test('is synced before it gets its place, and its list of chunks stays until that place is on the disk', async () => {
    const { partial } = await open();
    await fill(partial);
    const calls = await recordChanges(join(state, 'publish'), partial.finish);
    const [key = ''] = /partial\/(\S+)\.manifest/.exec(calls.join('\n'))?.slice(1) ?? [];
    assert.deepEqual(calls, [
      `sync partial/${key}`,
      `rm blobs/${sha256}.manifest`,
      `link blobs/${sha256}.manifest`,
      `rename blobs/${sha256}`,
      'sync blobs/',
      `rm partial/${key}.manifest`,
    ]);
  });

  test('is listed once all its files are there, and no longer listed before the first of them is removed', async () => {
    const { store, partial } = await open();
    await fill(partial);
    await partial.finish();
    const names = (calls: readonly string[]) =>
      calls
        .filter((call) => /^(rm|rename|link|sync) applications/.test(call))
        .map((call) => call.replace(/applications\/shop\/?/, ''));
    const placed = names(await recordChanges(join(state, 'publish'), () => placeEntry(store, proven(), 1)));
    assert.equal(placed.indexOf('link shop-20.tar.gz') < placed.indexOf('rename shop-20.tar.gz.sha256.sig'), true);
    assert.deepEqual(placed.slice(-2), ['rename shop-20.json', 'sync ']);
    assert.equal(placed.filter((call) => call === 'rename shop-20.json').length, 1);
    const removed = names(
      await recordChanges(join(state, 'publish'), () => readEntries(store).then((all) => removeEntries(store, all))),
    );
    assert.deepEqual(removed, [
      'rm shop-20.json',
      'rm shop-20.tar.gz.sha256',
      'rm shop-20.tar.gz.sha256.sig',
      'rm shop-20.tar.gz',
      'sync ',
    ]);
    assert.deepEqual(readdirSync(store.blobs), []);
  });

  test('is listed once, also beside the draft of an entry that a crash left', async () => {
    const { store, partial } = await open();
    await fill(partial);
    await partial.finish();
    await placeEntry(store, proven(), 1);
    const directory = store.application('shop');
    const [entry = ''] = readdirSync(directory).filter((name) => name.endsWith('.json'));
    copyFileSync(join(directory, entry), join(directory, `${entry}.draft`));
    assert.equal((await readEntries(store)).length, 1);
  });

  test('stays as long as one entry names it, and counts as freed once', async () => {
    const { store, partial } = await open();
    await fill(partial);
    await partial.finish();
    for (const [at, revision] of ['20', '21', '22'].entries()) await placeEntry(store, proven(revision), at);
    const entries = await readEntries(store);
    assert.deepEqual(
      entries.map(({ revision }) => revision),
      ['22', '21', '20'],
      'the newest first',
    );
    assert.equal(await removeEntries(store, entries.slice(1)), 0);
    assert.equal(readdirSync(store.blobs).length, 2);
    assert.equal(await removeEntries(store, entries.slice(0, 1)), artifact.bytes.length);
  });
});

describe('a source that the ticket does not name', () => {
  test('is not even connected to, and the next one is asked', async () => {
    const { partial } = await open();
    const opened: string[] = [];
    const received = await receive(
      { proven: proven(), partial },
      ['dev9', 'dev2'].map((node) => ({ node, addresses: [] })),
      {
        signal: new AbortController().signal,
        progress: () => {},
        open: async (name) => {
          opened.push(name);
          return {
            name,
            close: () => {},
            fetch: async (_request, onEvent) => await onEvent({ manifest: artifact.manifest } as never),
          };
        },
      },
    );
    assert.deepEqual(opened, ['dev2']);
    assert.deepEqual(
      received.rejected.map(({ node, code }) => [node, code]),
      [['dev9', 'bad-ticket']],
    );
    assert.ok(partial.hasManifest());
  });
});
