import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findEntry, isWhole, placeEntry } from '../../../../src/agents/publish/store/entries.ts';
import { openStore, sizeOf } from '../../../../src/agents/publish/store/store.ts';
import { openPartial } from '../../../../src/agents/publish/transfer/partial.ts';
import { indicesOf } from '../../../../src/core/publish/chunks.ts';
import type { ProvenTicket } from '../../../../src/core/publish/ticket.ts';
import type { Ticket } from '../../../../src/core/wire/messages.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { sumOf } from '../../../support/publish/publish-fleet.ts';
import { contentFor, makeArtifact } from '../../../support/publish/tickets.ts';

const artifact = makeArtifact(2 * 256 * 1024 + 100);
const sumsSignature = Buffer.alloc(64, 1);
const ticket: Ticket = {
  ...contentFor(artifact, ['dev1.devco.net'], { sumsSignature }),
  protocol: 1,
  nonce: Buffer.alloc(16),
  operator: 'mco://devco.net/operator/rip@devco.net',
};
const signed = { ticket: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] };
const proven: ProvenTicket = { ticket, signed, id: '', caller: 'cert=rip@devco.net', limited: false };
const directory = mkdtempSync('/dev/shm/mco-publish-');
after(() => rmSync(directory, { recursive: true }));
const state = join(directory, 'publish');

/** Receives what is missing, as far as it got before, and publishes it. @returns how many chunks it took */
async function receiveAll(): Promise<number> {
  const store = await openStore(state);
  let taken = 0;
  if ((await sizeOf(store.blob(artifact.sha256.toString('hex')))) !== artifact.bytes.length) {
    const partial = await openPartial(store, ticket);
    await partial.takeManifest(artifact.manifest, 'a test');
    for (const index of indicesOf(partial.ranges(), artifact.chunks)) {
      await partial.takeChunk(index, artifact.chunk(index), 'a test');
      taken++;
    }
    await partial.finish();
  }
  await placeEntry(store, proven, 1);
  return taken;
}

test('an artifact that is interrupted anywhere is stored as a whole or not at all, and is completed by repeating it', async () => {
  const file = join(state, 'applications/shop/shop-20.tar.gz');
  await crashAtEachChange({
    root: directory,
    least: 15,
    prepare: () => rmSync(state, { recursive: true, force: true }),
    work: receiveAll,
    check: async (where, done) => {
      const store = await openStore(state);
      // The files that appmgr would take are correct.
      if ((await sizeOf(file)) !== undefined && (await sizeOf(`${file}.sha256`)) !== undefined) {
        assert.equal(sumOf(await readFile(file)), sumOf(artifact.bytes), where);
        const sums = await readFile(`${file}.sha256`, 'utf8');
        assert.equal(sums, `${sumOf(artifact.bytes)}  shop-20.tar.gz\n`, where);
        assert.equal((await sizeOf(`${file}.sha256.sig`)) !== undefined, true, where);
      }
      const entry = await findEntry(store, 'shop', '20');
      if (done) assert.ok(entry, where);
      if (entry !== undefined) assert.equal(await isWhole(store, entry), true, where);
      // Whole artifacts can be sent on.
      const sha256 = artifact.sha256.toString('hex');
      if ((await sizeOf(store.blob(sha256))) !== undefined) {
        assert.equal(sumOf(await readFile(store.blob(sha256))), sha256, where);
        assert.deepEqual(await readFile(store.manifest(sha256)), artifact.manifest, where);
      }
      const taken = await receiveAll();
      if (done) assert.equal(taken, 0, where);
      const again = await findEntry(store, 'shop', '20');
      assert.ok(again !== undefined && (await isWhole(store, again)), where);
      assert.equal(sumOf(await readFile(file)), sha256, where);
    },
  });
});
