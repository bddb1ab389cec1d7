import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { callDefaults, newId } from '../../../src/core/request/request.ts';
import { callNode } from '../../../src/library/fleet/call-node.ts';
import { headsFile, openHeads } from '../../../src/library/fleet/heads.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';

let fleet: Fleet;
let rip: Member;
let directory: string;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  directory = mkdtempSync('/dev/shm/mco-distrust-');
});
after(async () => {
  await fleet.remove();
  rmSync(directory, { recursive: true });
});

/** A client with heads of its own, as a session has them; opened again for each call, as each command does. */
function client(name: string) {
  const file = headsFile(join(directory, name));
  const open = () => openHeads(file, Date.now);
  const call = async (node: TestNode, action: 'count' | 'echo') => {
    const heads = await open();
    const connection = await node.dial(rip);
    try {
      const input = action === 'echo' ? { text: 'x' } : {};
      const options = { ...callDefaults, requestId: newId(), target: node.name, agent: 'probe', action, input };
      const caller = { credentials: rip.credentials, trust: fleet.trust, heads };
      const signal = new AbortController().signal;
      const settings = { timeout: 5000, changes: action === 'count', onProgress: () => {}, signal };
      const outcome = await callNode(connection, options, caller, settings);
      await heads.save();
      return outcome;
    } finally {
      connection.close();
    }
  };
  return { open, call };
}

const executed = async (node: TestNode) =>
  (await node.records()).filter((record) => record.kind === 'outcome' && record.outcome === 'ok').length;

/** A copy of all that a node keeps, put back later: what a snapshot of the machine does. */
function snapshot(node: TestNode): () => void {
  const kept = mkdtempSync(join(directory, 'snapshot-'));
  cpSync(node.directory, kept, { recursive: true });
  return () => {
    for (const name of readdirSync(node.directory)) rmSync(join(node.directory, name), { recursive: true });
    cpSync(kept, node.directory, { recursive: true });
  };
}

/** Restores a node from a snapshot that lacks the last calls of a client. */
async function revertChange(node: TestNode, call: () => Promise<unknown>): Promise<void> {
  await node.daemon.stop();
  const restore = snapshot(node);
  await node.restart();
  for (let count = 0; count < 3; count++) await call();
  await node.daemon.stop();
  restore();
  await node.restart();
}

describe('a node that was restored from a snapshot', () => {
  test('changes nothing for callers that know a later head, and stays untrusted until its head is forgotten, however many records follow', async () => {
    await using node = await startTestNode(fleet, { name: 'dev1.devco.net' });
    const [me, other] = [client('me'), client('other')];
    await revertChange(node, () => me.call(node, 'count'));
    const known = (await me.open()).known(node.name);
    assert.ok(known !== undefined);
    const done = await executed(node);
    const first = await me.call(node, 'echo');
    assert.equal(first.outcome, 'failed');
    assert.match(first.code, /^audit-(back|forked)$/);
    // Others, who know nothing of it, move the record numbers past the known head.
    for (let count = 0; count < 8; count++) assert.equal((await other.call(node, 'count')).outcome, 'ok');
    const before = await executed(node);
    for (const action of ['count', 'echo', 'count'] as const) {
      const outcome = await me.call(node, action);
      assert.equal(outcome.code, first.code, action);
      assert.equal(outcome.outcome, action === 'count' ? 'refused' : 'failed');
    }
    assert.equal(await executed(node), before + 1, 'the read alone was served');
    assert.ok(before >= done + 9);
    assert.equal((await me.open()).known(node.name)?.hash, known.hash, 'the head that proves it is kept');
    const heads = await me.open();
    assert.equal(heads.forget(node.name)?.hash, known.hash);
    await heads.save();
    assert.equal((await me.call(node, 'count')).outcome, 'ok');
  });

  test('changes nothing for a caller that knows a head, even once its record numbers have passed that head', async () => {
    await using node = await startTestNode(fleet, { name: 'dev2.devco.net' });
    const [me, other] = [client('me2'), client('other2')];
    await revertChange(node, () => me.call(node, 'count'));
    for (let count = 0; count < 8; count++) await other.call(node, 'count');
    const before = await executed(node);
    const outcome = await me.call(node, 'count');
    assert.equal(outcome.code, 'audit-forked');
    assert.match(outcome.message, /does not continue record \d+ .*\(its reply was: refused, audit-broken\)/);
    assert.equal(await executed(node), before);
  });
});

describe('a head that a caller has stored', () => {
  test('stays valid after restarts, rotations and the loss of its file, with replies of the usual size', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev3.devco.net',
      prepare: async (directory) => {
        const file = join(directory, 'node.yaml');
        const text = readFileSync(file, 'utf8');
        writeFileSync(file, text.replace(/^audit: \{/m, 'audit: { max_bytes: 65536, keep: { files: 1 },'));
      },
    });
    const [me, other] = [client('me3'), client('other3')];
    assert.equal((await me.call(node, 'count')).outcome, 'ok');
    const kept = (await me.open()).known(node.name)?.sequence ?? 0;
    for (let count = 0; count < 60; count++) await other.call(node, 'echo');
    await node.restart();
    assert.ok(kept > 0);
    const again = await me.call(node, 'count');
    assert.deepEqual([again.outcome, again.headCheck], ['ok', 'CONTINUES']);
  });
});
