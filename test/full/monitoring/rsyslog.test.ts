import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hashLine } from '../../../src/core/audit/record.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { makeRsyslog, type Rsyslog, type SyslogLine } from '../../support/receivers/rsyslog.ts';
import { eventually } from '../../support/eventually.ts';

const node = 'dev2.devco.net';
const receiver = 'logs.devco.net';

/** A node that sends to a running rsyslog, and an operator that calls it; all end with the stack. */
async function startShipping(stack: AsyncDisposableStack, { overlap = 50, peers = [node] } = {}) {
  const fleet = stack.use(await makeFleet());
  const port = await freePort();
  const rsyslog = stack.use(await makeRsyslog(await fleet.node(receiver), port, peers));
  await rsyslog.start();
  const audit = { ship: { siem: { syslog: { host: '127.0.0.1', port, name: receiver, overlap } } } };
  const from = stack.use(await startTestNode(fleet, { audit }));
  return { rsyslog, from, rip: await fleet.operator('rip@devco.net') };
}

const sequencesOf = (lines: readonly SyslogLine[]) => lines.map(({ data }) => Number(data.sequence));

/** Waits until rsyslog has every record of the node. */
async function hasAll(rsyslog: Rsyslog, from: TestNode): Promise<readonly SyslogLine[]> {
  return await eventually(async () => {
    const [lines, records] = [await rsyslog.lines(), await from.records()];
    const last = records.at(-1)?.sequence ?? 0;
    const got = new Set(sequencesOf(lines));
    const missing = records.filter(({ sequence }) => !got.has(sequence));
    assert.deepEqual(
      missing.map(({ sequence }) => sequence),
      [],
      `of ${last}`,
    );
    return lines;
  });
}

describe('an audit log that is sent to rsyslog over TLS', () => {
  test('arrives whole and in order, each record with its node, sequence number and hash', async () => {
    await using stack = new AsyncDisposableStack();
    const { rsyslog, from, rip } = await startShipping(stack);
    for (let calls = 0; calls < 20; calls++) await from.call(rip, {});
    const lines = await hasAll(rsyslog, from);
    const sequences = sequencesOf(lines);
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
    for (const { host, message, data, kind, priority } of lines) {
      assert.deepEqual([host, data.node, hashLine(message)], [node, node, data.hash]);
      assert.equal(JSON.parse(message).kind, kind);
      assert.equal(priority >> 3, 13);
    }
  });

  test('loses nothing if rsyslog is killed, is away and comes back, and sends the last records again', async () => {
    await using stack = new AsyncDisposableStack();
    const { rsyslog, from, rip } = await startShipping(stack);
    for (let calls = 0; calls < 5; calls++) await from.call(rip, {});
    await hasAll(rsyslog, from);
    await rsyslog.kill();
    for (let calls = 0; calls < 5; calls++) await from.call(rip, {});
    const away = await eventually(async () => {
      const { warnings } = await from.describe(rip);
      assert.match(warnings.join(), /the audit log is not sent to “siem”: .*; \d+ records? \(\d+ bytes\) to be sent/);
      return warnings;
    });
    assert.equal(away.length, 1);
    await rsyslog.start();
    const sequences = sequencesOf(await hasAll(rsyslog, from));
    assert.ok(sequences.length > new Set(sequences).size, 'some came twice');
    await eventually(async () => assert.deepEqual((await from.describe(rip)).warnings, []));
  });

  test('resumes after a restart of the node', async () => {
    await using stack = new AsyncDisposableStack();
    const { rsyslog, from, rip } = await startShipping(stack, { overlap: 1 });
    for (let calls = 0; calls < 5; calls++) await from.call(rip, {});
    await hasAll(rsyslog, from);
    await from.restart();
    await from.call(rip, {});
    const sequences = sequencesOf(await hasAll(rsyslog, from));
    assert.deepEqual(new Set(sequences).size, Math.max(...sequences), 'none is missing');
  });

  test('never delays calls while rsyslog reads nothing, and arrives when it reads again', async () => {
    await using stack = new AsyncDisposableStack();
    const { rsyslog, from, rip } = await startShipping(stack);
    await hasAll(rsyslog, from);
    rsyslog.pause();
    for (let calls = 0; calls < 100; calls++) {
      const { outcome } = await from.call(rip, { input: { text: 'x'.repeat(1000) } });
      assert.equal(outcome, 'ok');
    }
    rsyslog.continue();
    await hasAll(rsyslog, from);
  });

  test('is sent to no server with a certificate for another name, of another fleet, or revoked', async () => {
    await using fleet = await makeFleet();
    await using foreign = await makeFleet();
    const revoked = await fleet.node(receiver);
    fleet.revoke(revoked);
    const crl = await fleet.crl();
    const rip = await fleet.operator('rip@devco.net');
    for (const [member, why] of [
      [await fleet.node('other.devco.net'), /altnames/],
      [await foreign.node(receiver), /certificate/],
      [revoked, /was revoked/],
    ] as const) {
      const port = await freePort();
      await using rsyslog = await makeRsyslog(member, port, [node]);
      await rsyslog.start();
      const audit = { ship: { siem: { syslog: { host: '127.0.0.1', port, name: receiver } } } };
      const prepare = (directory: string) => writeFile(join(directory, 'crl.pem'), crl);
      await using from = await startTestNode(fleet, { audit, prepare });
      await eventually(async () => {
        const { warnings } = await from.describe(rip);
        assert.match(warnings.join(), /not sent to “siem”/);
        assert.match(warnings.join(), why);
      });
      assert.deepEqual(await rsyslog.lines(), []);
    }
  });

  test('counts nothing as sent when rsyslog rejects the node’s certificate', async () => {
    await using stack = new AsyncDisposableStack();
    const { rsyslog, from, rip } = await startShipping(stack, { peers: ['somebody-else.devco.net'] });
    await from.call(rip, {});
    const { sequence } = (await from.records()).at(-1) ?? { sequence: 0 };
    // Records of calls that only read are on the disk, and count, a moment later.
    await eventually(async () => {
      const { warnings } = await from.describe(rip);
      assert.match(warnings.join(), new RegExp(`not sent to “siem”: .*; ${sequence} records `));
    });
    assert.deepEqual(await rsyslog.lines(), []);
  });
});
