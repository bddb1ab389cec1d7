import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openStore } from '../../../../src/agents/publish/store/store.ts';
import { openPartial } from '../../../../src/agents/publish/transfer/partial.ts';
import { receive } from '../../../../src/agents/publish/transfer/receive.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { ArtifactPeer } from '../../../../src/core/publish/holder.ts';
import type { ProvenTicket } from '../../../../src/core/publish/ticket.ts';
import { contentFor, makeArtifact, type TestArtifact } from '../../../support/publish/tickets.ts';

const artifact = makeArtifact(600_000);

let state: string;
beforeEach(() => {
  state = mkdtempSync('/dev/shm/mco-receive-');
});
afterEach(() => rmSync(state, { recursive: true }));

const proven = (of: TestArtifact): ProvenTicket => ({
  ticket: { ...contentFor(of, ['dev1', 'dev2', 'dev3']), protocol: 1, nonce: Buffer.alloc(16), operator: '' },
  signed: { ticket: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] },
  ...{ id: '', caller: 'cert=rip', limited: false },
});

/** Asks dev2 and dev3, which send as reported. @returns also the names of those whose connection was closed */
async function receiving(fetches: Readonly<Record<string, ArtifactPeer['fetch']>>) {
  const partial = await openPartial(await openStore(join(state, 'publish')), proven(artifact).ticket);
  const closed: string[] = [];
  const names = Object.keys(fetches);
  const received = receive(
    { proven: proven(artifact), partial },
    names.map((node) => ({ node, addresses: [] })),
    {
      signal: new AbortController().signal,
      progress: () => {},
      open: async (name) => {
        const fetch = fetches[name] as ArtifactPeer['fetch'];
        return { name, fetch, close: () => void closed.push(name) };
      },
    },
  );
  return { partial, closed, received };
}

const sendAll: ArtifactPeer['fetch'] = async (_request, onEvent) => {
  await onEvent({ manifest: artifact.manifest } as never);
  for (let index = 0; index < artifact.chunks; index++)
    await onEvent({ chunk: { index, data: artifact.chunk(index) } } as never);
};

test('the connection to a node that sends an artifact is closed after a fault, and after all of it', async () => {
  const broken: ArtifactPeer['fetch'] = async () => {
    throw new Problem('unreachable', 'the connection broke');
  };
  const { closed, received } = await receiving({ dev2: broken, dev3: sendAll });
  assert.deepEqual((await received).sources, ['dev3']);
  assert.deepEqual(closed, ['dev2', 'dev3']);
});

test('chunks under one list are not a part of an artifact with another list', async () => {
  const store = await openStore(join(state, 'publish'));
  const first = await openPartial(store, proven(artifact).ticket);
  await first.takeManifest(artifact.manifest, 'a test');
  await first.takeChunk(0, artifact.chunk(0), 'a test');
  const other = {
    ...artifact,
    manifest: Buffer.concat([artifact.manifest.subarray(32), artifact.manifest.subarray(0, 32)]),
  };
  const second = await openPartial(store, proven(other).ticket);
  await second.takeManifest(other.manifest, 'a test');
  await second.remove();
  const again = await openPartial(store, proven(artifact).ticket);
  assert.deepEqual([again.hasManifest(), again.missing()], [true, artifact.chunks - 1]);
  assert.equal(readdirSync(store.partials).length, 2);
});
