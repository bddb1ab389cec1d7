import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { callNode } from '../../../src/library/fleet/call-node.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode } from '../../support/node/node.ts';

const { signal } = new AbortController();

describe('revocation', () => {
  let fleet: Fleet;
  let rip: Member;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());

  test('rejects a node’s callers during a connection, and at the next dial', async () => {
    const member = await fleet.node('dev2.devco.net');
    await using node = await startTestNode({ ...fleet, node: async () => member });
    const connection = await node.dial(rip);
    const caller = { credentials: rip.credentials, trust: fleet.trust };
    const settings = { timeout: 20_000, changes: false, onProgress: () => {}, signal };
    const call = () => callNode(connection, orderFor(node.name), caller, settings);
    assert.equal((await call()).outcome, 'ok');
    fleet.revoke(member);
    assert.equal((await call()).code, 'revoked-certificate');
    await assert.rejects(node.dial(rip), { code: 'revoked-certificate' });
    connection.close();
  });

  test('applies from an overdue list; the node warns and serves everyone else', async () => {
    const mallory = await fleet.operator('mallory@devco.net');
    fleet.revoke(mallory);
    await using node = await startTestNode(fleet, {
      name: 'dev4.devco.net',
      prepare: async (directory) => writeFile(join(directory, 'crl.pem'), await fleet.crl({ days: -1 })),
    });
    const connection = await node.dial(rip);
    const { warnings } = await connection.describe({ filter: null, facts: [], full: false, peers: false }, signal);
    connection.close();
    assert.match(warnings.join('\n'), /revocation list.*(overdue|since|newer|was due)/);
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    await assert.rejects(node.call(mallory, {}), { code: 'revoked-certificate' });
    const [intent, outcome] = (await node.records()).slice(-2);
    assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
    assert.deepEqual([intent.caller, outcome.code], ['cert=mallory@devco.net', 'revoked-certificate']);
  });
});
