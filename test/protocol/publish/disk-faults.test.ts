import { failEachCall } from '../../support/faults/each-error.ts';
import { oneOf } from '../../support/points.ts';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SignedTicket } from '../../../src/core/wire/messages.ts';
import type { Reply } from '../../../src/core/wire/messages.ts';
import type { TestNode } from '../../support/node/node.ts';
import { nameOf, type PublishFleet, startPublishFleet } from '../../support/publish/publish-fleet.ts';
import {
  contentFor,
  dataOf,
  fetchOrder,
  makeArtifact,
  prepareOrder,
  publishTo,
  type TestArtifact,
  ticketBy,
} from '../../support/publish/tickets.ts';

let lab: PublishFleet;
let [source, target]: TestNode[] = [];
let artifact: TestArtifact;
let ticket: SignedTicket;
let revision = 0;

before(async () => {
  lab = await startPublishFleet(2, { publish: { keep: 3 } });
  [source, target] = lab.nodes;
});
after(() => lab[Symbol.asyncDispose]());

const empty = (directory: string) => {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
};

const renew = () => {
  for (const node of lab.nodes) {
    for (const name of ['applications/shop', 'blobs', 'partial']) empty(join(lab.store(node), name));
  }
  artifact = makeArtifact();
  revision++;
  ticket = ticketBy(lab.rip, contentFor(artifact, [nameOf(1), nameOf(2)], { revision: String(revision) }));
};

const publishAtSource = async () => {
  renew();
  assert.equal((await publishTo(source as TestNode, lab.rip, ticket, artifact)).outcome, 'ok');
};

const copyToTarget = async () => {
  const prepared = await (target as TestNode).call(lab.rip, prepareOrder(ticket));
  if (prepared.outcome !== 'ok') return prepared;
  return await (target as TestNode).call(lab.rip, fetchOrder(ticket, [source as TestNode]));
};

function assertNamed(reply: Reply, where: string): void {
  const shown = `${where}: ${reply.code} ${reply.message} ${reply.data.toString()}`;
  assert.doesNotMatch(shown, /\binternal\b|injected,|protocol-error/, shown);
}

describe('an artifact on a disk that fails at any call', () => {
  test('fails with the fault of the receiver’s own disk, and blames no source', { timeout: 600_000 }, async () => {
    let failed = 0;
    await failEachCall(
      lab.store(target as TestNode),
      publishAtSource,
      copyToTarget,
      ({ value, error }, { where }) => {
        assert.equal(error, undefined, where);
        const reply = value as Reply;
        if (reply.outcome === 'ok') return;
        failed++;
        assertNamed(reply, where);
        assert.deepEqual(dataOf(reply).rejected ?? [], [], where);
      },
      2,
    );
    assert.ok(failed >= 20 / oneOf, `${failed} failed`);
  });

  test('names the fault of a source’s disk, and is complete once that is gone', { timeout: 600_000 }, async () => {
    let failed = 0;
    await failEachCall(
      lab.store(source as TestNode),
      publishAtSource,
      copyToTarget,
      async ({ value }, { where }) => {
        const reply = value as Reply;
        if (reply.outcome === 'ok') return;
        failed++;
        assertNamed(reply, where);
        assert.equal((await copyToTarget()).outcome, 'ok', where);
      },
      2,
    );
    assert.ok(failed >= 1, `${failed} failed`);
  });

  test('names the fault when an operator uploads', { timeout: 600_000 }, async () => {
    let failed = 0;
    await failEachCall(
      lab.store(target as TestNode),
      async () => renew(),
      () => publishTo(target as TestNode, lab.rip, ticket, artifact),
      ({ value, error }, { where }) => {
        if (error === undefined) return assertNamed(value as Reply, where);
        failed++;
        assert.match(String((error as { code?: string }).code), /^(unwritable-file|unreadable-file|no-space)$/, where);
      },
      1,
    );
    assert.ok(failed >= 1, `${failed} failed`);
  });
});
