import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sealRequest } from '../../../src/core/request/request.ts';
import { openAuditLog } from '../../../src/daemon/audit/audit-log.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode } from '../../support/node/node.ts';

const count = { action: 'count', input: {} };

let fleet: Fleet;
let rip: Member;
let mallory: Member;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  mallory = await fleet.operator('mallory@devco.net');
});
after(() => fleet.remove());

describe('a request that is sent again after a restart', () => {
  test('is refused when the log no longer shows whether it is a repeat; a new request is served', async () => {
    await using node = await startTestNode(fleet, { name: 'dev1.devco.net' });
    const signed = sealRequest(orderFor(node.name, count), rip.credentials, Date.now());
    assert.equal((await node.send(rip, signed)).outcome, 'ok');
    await node.daemon.stop();
    // More than a starting daemon reads back, by whatever means it came to be there.
    const { credentials } = await fleet.node(node.name);
    const log = await openAuditLog(node.auditFile, () => credentials, Date.now);
    const filler = { kind: 'recovered', torn_bytes: 0, torn: 'A'.repeat(1024 * 1024) } as const;
    await Promise.all(Array.from({ length: 34 }, () => log.append(filler, false)));
    await log.close();
    await node.restart();
    const again = await node.send(rip, signed);
    assert.deepEqual([again.outcome, again.code], ['refused', 'unproven-fresh']);
    assert.equal((await node.records()).at(-1)?.kind, 'outcome');
    // Issued after the start by more than what clocks may differ.
    const later = sealRequest(orderFor(node.name, count), rip.credentials, Date.now() + 9_999);
    const late = await node.send(rip, later);
    assert.notEqual(late.code, 'unproven-fresh');
  });

  test('is refused when the log was removed while the daemon did not run', async () => {
    await using node = await startTestNode(fleet, { name: 'dev2.devco.net' });
    const signed = sealRequest(orderFor(node.name, count), rip.credentials, Date.now());
    assert.equal((await node.send(rip, signed)).outcome, 'ok');
    await node.daemon.stop();
    await rm(node.auditFile);
    await node.restart();
    assert.equal((await node.send(rip, signed)).code, 'unproven-fresh');
  });

  test('is refused when a record is missing in the middle of the remembered log', async () => {
    await using node = await startTestNode(fleet, { name: 'dev3.devco.net' });
    const signed = sealRequest(orderFor(node.name, count), rip.credentials, Date.now());
    for (const one of [signed]) assert.equal((await node.send(rip, one)).outcome, 'ok');
    assert.equal((await node.call(rip, count)).outcome, 'ok');
    await node.daemon.stop();
    const lines = (await readFile(node.auditFile, 'utf8')).split('\n');
    await writeFile(node.auditFile, lines.filter((line) => !line.includes('"sequence":2,')).join('\n'));
    await node.restart();
    assert.equal((await node.send(rip, signed)).code, 'unproven-fresh');
  });

  test('is distinguished from a first request that arrived while the daemon was down, if the log is complete', async () => {
    await using node = await startTestNode(fleet, { name: 'dev4.devco.net' });
    const [sent, waiting] = [0, 1].map(() => sealRequest(orderFor(node.name, count), rip.credentials, Date.now()));
    assert.ok(sent !== undefined && waiting !== undefined);
    assert.equal((await node.send(rip, sent)).outcome, 'ok');
    await node.restart();
    assert.equal((await node.send(rip, sent)).code, 'replayed');
    assert.equal((await node.send(rip, waiting)).outcome, 'ok');
  });
});

test('a caller without rights can make the log grow by a bounded amount, which is recorded, and others are served', async () => {
  await using node = await startTestNode(fleet, { name: 'dev5.devco.net' });
  const text = 'x'.repeat(60_000);
  const codes = new Map<string, number>();
  const connection = await node.dial(mallory);
  const send = async () => {
    const reply = await node.call(mallory, { input: { text } });
    codes.set(reply.code, (codes.get(reply.code) ?? 0) + 1);
  };
  connection.close();
  for (let call = 0; call < 40; call++) await send();
  assert.ok(
    (codes.get('policy-denied') ?? 0) >= 3 && (codes.get('rate-limited') ?? 0) >= 20,
    JSON.stringify([...codes]),
  );
  const { size } = await stat(join(node.auditFile));
  assert.ok(size < 1.2 * 1024 * 1024, `${size} bytes`);
  const last = (await node.records()).at(-1);
  assert.ok(last?.kind === 'outcome' && last.code === 'rate-limited');
  assert.equal((await node.call(rip, count)).outcome, 'ok');
});
