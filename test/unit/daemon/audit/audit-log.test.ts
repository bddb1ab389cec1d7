import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AuditEvent } from '../../../../src/core/audit/record.ts';
import { verifyAudit } from '../../../../src/core/audit/verify.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

describe('the audit log of a node', () => {
  let fleet: Fleet;
  let node: Member;
  let directory: string;
  let file: string;

  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev2.devco.net');
    directory = await mkdtemp(join(tmpdir(), 'mco-audit-'));
    file = join(directory, 'audit.jsonl');
  });
  after(async () => {
    await fleet.remove();
    await rm(directory, { recursive: true });
  });

  const open = (path = file) => openAuditLog(path, () => node.credentials, Date.now);
  const started = (): AuditEvent => ({
    kind: 'started',
    version: '0.1.0',
    certificate: node.certificate.raw.toString('base64'),
  });
  const outcome = (message = ''): AuditEvent => ({
    kind: 'outcome',
    intent: 1,
    request_id: 'a'.repeat(32),
    try: 1,
    outcome: 'ok',
    status: 0,
    code: '',
    message,
    recorded: false,
  });
  const verify = async (path = file) => verifyAudit(await readFile(path, 'utf8'), fleet.trust);

  test('numbers and chains records that are written at once', async () => {
    const log = await open();
    const sequences = await Promise.all(
      [started(), ...Array.from({ length: 50 }, () => outcome())].map((event) => log.append(event, true)),
    );
    assert.deepEqual(
      sequences,
      Array.from({ length: 51 }, (_, index) => index + 1),
    );
    assert.equal(log.head().sequence, 51);
    await log.close();
    assert.deepEqual([(await verify()).fault, (await verify()).records], [undefined, 51]);
  });

  test('continues its chain after a restart', async () => {
    const log = await open();
    assert.equal(log.recent.records.length, 51);
    assert.equal(await log.append(outcome(), false), 52);
    await log.close();
    assert.equal((await verify()).fault, undefined);
  });

  test('keeps a partial line that a crash left, in a separate record', async () => {
    await appendFile(file, '{"v":1,"seq');
    const log = await open();
    await log.close();
    assert.equal((await verify()).fault, undefined);
    const last = JSON.parse((await readFile(file, 'utf8')).trimEnd().split('\n').at(-1) ?? '') as Record<
      string,
      unknown
    >;
    assert.equal(last.kind, 'recovered');
    assert.equal(Buffer.from(String(last.torn), 'base64').toString(), '{"v":1,"seq');
  });

  test('does not start over a file that is not a log', async () => {
    const other = join(directory, 'other.jsonl');
    await writeFile(other, 'hello\n');
    await assert.rejects(open(other), { code: 'audit-failed' });
    assert.equal(await readFile(other, 'utf8'), 'hello\n');
  });

  test('refuses if the disk is full, leaves no partial line, and still writes the outcome of what was begun', async (t) => {
    const disk = join(directory, 'disk');
    execFileSync('mkdir', [disk]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    t.after(() => execFileSync('umount', [disk]));
    const small = join(disk, 'audit.jsonl');
    const log = await open(small);
    await log.append(started(), true);
    const filler = { kind: 'recovered', torn_bytes: 1, torn: 'x'.repeat(4096) } as const;
    const fill = async () => {
      for (let written = 0; written < 200; written++) await log.append(filler, true);
    };
    await assert.rejects(fill(), { code: 'audit-failed' });
    await assert.rejects(log.append(filler, true), { code: 'audit-failed' }, 'and stays refused');
    await log.append(outcome('done all the same'), true);
    await log.close();
    assert.equal((await verify(small)).fault, undefined);
    assert.match(await readFile(small, 'utf8'), /done all the same/);
  });
});
