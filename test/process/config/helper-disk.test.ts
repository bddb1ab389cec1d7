import { failEachCall } from '../../support/faults/each-error.ts';
import { oneOf } from '../../support/points.ts';
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { fileKinds } from '../../../src/core/node-files/kinds.ts';
import { pendingFile } from '../../../src/core/node-files/pending.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { type HelperNode, makeHelperNode } from '../../support/node/helper.ts';

let fleet: Fleet;
let rip: Member;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});
after(() => fleet[Symbol.asyncDispose]());

test('the helper that writes a configuration names the fault of its disk, and leaves nothing half done', async () => {
  let node: HelperNode;
  let order: Awaited<ReturnType<HelperNode['order']>>;
  let failed = 0;
  const facts = { kind: 'facts', name: 'install.yaml', content: 'rack: a\n' };
  const tried = await failEachCall(
    fleet.dir,
    async () => {
      node = await makeHelperNode(fleet, { 'rip@devco.net': fileKinds }, 1);
      order = await node.order(rip, [facts]);
    },
    () => node.send(order),
    async ({ value, error }, { where }) => {
      const isChanged = existsSync(join(node.directory, 'facts.d/install.yaml'));
      if (value === undefined) {
        failed++;
        assert.ok(error instanceof Problem && error.code !== 'internal', `${where}: ${String(error)}`);
        assert.doesNotMatch(error.message, /injected/, where);
        // It is taken back at once. If only the lock cannot be removed, it waits for its confirmation.
        assert.ok(!isChanged || where.includes('.apply/lock'), where);
        assert.equal(existsSync(pendingFile(node.directory)), isChanged, where);
      } else assert.ok(isChanged, where);
      // As if it had been confirmed: no helper works beside the next one.
      rmSync(pendingFile(node.directory), { force: true });
      await node.ended();
    },
    2,
  );
  assert.ok(tried >= 20 && failed >= 10 / oneOf, `${failed} of ${tried} failed`);
});
