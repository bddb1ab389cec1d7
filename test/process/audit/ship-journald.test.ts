import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunCommand } from '../../../src/core/ports.ts';
import { type AuditRecord, hashLine } from '../../../src/core/audit/record.ts';
import { journaldReceiver } from '../../../src/daemon/shipping/journald.ts';
import { type DebianRoot, startDebianRoot } from '../../support/debian-root/root.ts';

describe('an audit log that is sent to the journal of a Debian with systemd', () => {
  let root: DebianRoot;
  before(async () => {
    root = await startDebianRoot();
    await root.shell('systemctl start systemd-journald');
  });
  after(() => root[Symbol.asyncDispose]());

  const run: RunCommand = async (argv, { stdin = '' }) => {
    await writeFile(join(root.shared, 'stdin'), stdin);
    const { code, out, err } = await root.run('sh', '-c', 'exec "$@" </mnt/stdin', 'sh', ...argv);
    return { code, signal: null, stdout: out, stderr: err, truncated: false };
  };
  const { signal } = new AbortController();
  const setup = { run, tls: () => assert.fail('no certificate is needed'), onLost: () => {} };
  const shipped = (sequence: number, fields: object) => {
    const record = { v: 1, sequence, time: '2026-01-01T00:00:00.000Z', node: 'dev2.devco.net', ...fields };
    const line = JSON.stringify(record);
    return { record: record as AuditRecord, line, hash: hashLine(line) };
  };

  test('arrives as one entry per record, with its node, sequence number and hash as fields', async () => {
    const receiver = journaldReceiver(setup);
    assert.equal(await receiver.open(signal), 0);
    const records = [
      shipped(1, { kind: 'intent', arguments: { text: '“ü” \u2028 "$HOME" `id`' } }),
      shipped(2, { kind: 'outcome', outcome: 'failed', message: 'x'.repeat(300_000) }),
    ];
    await receiver.send(records, signal);
    const text = await root.shell(
      'journalctl --sync; journalctl --identifier mco-deploy-audit --output json --all | cat',
    );
    const entries = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      entries.map(({ MCO_NODE, MCO_SEQUENCE, MCO_HASH, PRIORITY }) => [MCO_NODE, MCO_SEQUENCE, MCO_HASH, PRIORITY]),
      [
        ['dev2.devco.net', '1', records[0]?.hash, '6'],
        ['dev2.devco.net', '2', records[1]?.hash, '4'],
      ],
    );
    for (const { MESSAGE, MCO_HASH } of entries) assert.equal(hashLine(MESSAGE), MCO_HASH);
  });

  test('is not counted as sent if there is no journal', async () => {
    const nowhere: RunCommand = async () => ({ code: 1, signal: null, stdout: '', stderr: '', truncated: false });
    await assert.rejects(journaldReceiver({ ...setup, run: nowhere }).open(signal), /systemd-journald does not run/);
  });
});
