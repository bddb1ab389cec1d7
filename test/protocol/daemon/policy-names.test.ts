import assert from 'node:assert/strict';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode } from '../../support/node/node.ts';

const noFilter = { filter: null, facts: [], full: false, peers: false };

describe('the policies of a daemon', () => {
  test('cause warnings if they have no effect, and a broken link allows nobody', async () => {
    await using fleet = await makeFleet();
    const rip = await fleet.operator('rip@devco.net');
    await using node = await startTestNode(fleet, {
      policies: { default: 'policy default allow\n', prob: 'policy default deny\n' },
    });
    const connection = await node.dial(rip);
    const { warnings } = await connection.describe(noFilter, new AbortController().signal);
    connection.close();
    assert.ok(warnings.some((one) => /prob\.policy has no effect: no agent is called “prob” here/.test(one)));
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    await symlink('/nowhere/at/all', join(node.directory, 'policies', 'probe.policy'));
    await node.daemon.reload();
    assert.equal((await node.call(rip, {})).code, 'policy-denied');
    await rm(join(node.directory, 'policies', 'probe.policy'));
    await node.daemon.reload();
    assert.equal((await node.call(rip, {})).outcome, 'ok');
  });
});
