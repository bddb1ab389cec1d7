import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { listAuditFiles } from '../../../../src/core/audit/files.ts';
import type { AuditEvent, AuditRecord } from '../../../../src/core/audit/record.ts';
import { verifyAuditLog } from '../../../../src/core/audit/verify-log.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { type AuditLimits, endless } from '../../../../src/daemon/audit/files/rotate.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

const hour = 60 * 60_000;
const day = 24 * hour;

let fleet: Fleet;
let node: Member;
let directory: string;
let file: string;
let time: number;

before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net', { notBefore: Date.now() - 30 * day });
});

after(() => fleet.remove());

const enterDirectory = async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-rotation-'));
  file = join(directory, 'audit.jsonl');
  time = Date.now() - 20 * day;
};

const removeDirectory = () => rm(directory, { recursive: true });
const small: AuditLimits = { ...endless, maxBytes: 2000 };

const open = (limits: AuditLimits) =>
  openAuditLog(
    file,
    () => node.credentials,
    () => time,
    limits,
  );

const started = (): AuditEvent => ({
  kind: 'started',
  version: '0.1.0',
  certificate: node.certificate.raw.toString('base64'),
});

const note = (text = 'x'): AuditEvent => ({ kind: 'recovered', torn_bytes: 1, torn: text.repeat(100) });
const names = async () => (await listAuditFiles(file)).map(({ path }) => path.slice(directory.length + 1));
const verify = (heads: { sequence: number; hash: string }[] = []) => verifyAuditLog(file, fleet.trust, { heads });

const recordsOf = async (name: string) => {
  const text = await readFile(join(directory, name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRecord);
};

/** Writes records with a time between each two. */
const fill = async (limits: AuditLimits, records: number, between = 1000) => {
  const log = await open(limits);
  await log.append(started(), true);
  for (let written = 0; written < records; written++) {
    time += between;
    await log.append(note(), true);
  }
  const head = log.head();
  await log.close();
  return { sequence: head.sequence, hash: head.hash.toString('hex') };
};

describe('an audit log that is rotated', () => {
  beforeEach(enterDirectory);
  afterEach(removeDirectory);

  test('continues in files that are named by their first record, as one chain', async () => {
    const head = await fill(small, 30);
    const files = await names();
    assert.ok(files.length > 4);
    assert.equal(files[0], 'audit-000000000001.jsonl');
    assert.equal(files.at(-1), 'audit.jsonl');
    const verdict = await verify([head]);
    assert.deepEqual([verdict.fault, verdict.records, verdict.files], [undefined, head.sequence, files]);
    const [first] = await recordsOf(files[2] ?? '');
    assert.equal(first?.kind, 'rotated');
    assert.equal(first?.kind === 'rotated' && first.file, files[1], 'it names the file before');
    assert.equal(first?.kind === 'rotated' && first.last, (first?.sequence ?? 0) - 1);
  });

  test('is rotated by age, too, and not before it is due', async () => {
    await fill({ ...endless, maxAge: 10 * hour }, 30, hour);
    assert.equal((await names()).length, 4);
    assert.equal((await verify()).fault, undefined);
  });

  test('remembers over a rotation, and continues after a restart', async () => {
    time = Date.now();
    const head = await fill(small, 30, 1);
    const log = await open(small);
    assert.deepEqual(
      log.recent.records.map(({ sequence }) => sequence),
      Array.from({ length: head.sequence }, (_, index) => index + 1),
    );
    await log.append(note(), true);
    await log.close();
    assert.equal((await verify([head])).fault, undefined);
  });

  test('remembers only the last half hour', async () => {
    await fill(endless, 100, 60_000);
    const log = await open(endless);
    assert.equal(log.recent.records.length, 31);
    await log.close();
  });

  test('continues after a crash between two steps of a rotation', async () => {
    const head = await fill(endless, 3);
    await rename(file, join(directory, 'audit-000000000001.jsonl'));
    await writeFile(`${file}.next`, '');
    await (await open(small)).close();
    await appendFile(file, '{"v":1,"sequ');
    const log = await open({ ...small, maxBytes: 4000 });
    await log.append(note(), true);
    await log.close();
    const verdict = await verify([head]);
    assert.equal(verdict.fault, undefined);
    assert.deepEqual(
      (await recordsOf('audit.jsonl')).map(({ kind }) => kind),
      ['rotated', 'recovered', 'recovered'],
    );
  });

  test('continues in a full file, and warns, if it cannot be rotated', async () => {
    await fill(endless, 10);
    await mkdir(`${file}.next`);
    const log = await open(small);
    await log.append(note(), true);
    assert.match(log.warnings().join(), /cannot be rotated/);
    assert.deepEqual(await names(), ['audit.jsonl']);
    await rm(`${file}.next`, { recursive: true });
    await log.append(note(), true);
    assert.deepEqual(log.warnings(), []);
    await log.close();
    assert.equal((await names()).length, 2);
    assert.equal((await verify()).fault, undefined);
  });
});

describe('an audit log whose files are removed', () => {
  beforeEach(enterDirectory);
  afterEach(removeDirectory);

  test('deletes the oldest files by number and records that, so that its start is explained', async () => {
    const head = await fill({ ...small, keep: { files: 2 } }, 40, 10 * 60_000);
    const files = await names();
    assert.ok(files.length < 12 && files[0] !== 'audit-000000000001.jsonl', files.join());
    const verdict = await verify([head]);
    assert.equal(verdict.fault, undefined);
    assert.ok(verdict.start.sequence > 0);
    const deleted = (await Promise.all(files.map(recordsOf))).flat().filter(({ kind }) => kind === 'deleted');
    assert.ok(deleted.length > 0);
  });

  test('deletes by age', async () => {
    await fill({ ...small, keep: { days: 1 } }, 60, hour);
    const [oldest = ''] = await names();
    const records = await recordsOf(oldest);
    assert.ok(time - Date.parse(records.at(-1)?.time ?? '') < 1.5 * day);
    assert.equal((await verify()).fault, undefined);
  });

  test('does not verify if someone else removed its first files', async () => {
    await fill({ ...small, keep: { files: 3 } }, 40, 10 * 60_000);
    const [first = '', second = ''] = await names();
    const saved = await readFile(join(directory, first));
    await rm(join(directory, first));
    const { fault } = await verify();
    assert.deepEqual([fault?.code, fault?.file, fault?.line], ['removed', second, 1]);
    assert.match(fault?.message ?? '', /no record says that they were deleted/);
    await writeFile(join(directory, first), saved);
    assert.equal((await verify()).fault, undefined);
  });

  test('names the file whose records are missing, doubled or from another node', async () => {
    await fill(small, 30);
    const files = await names();
    const [, second = '', third = '', fourth = ''] = files;
    const saved = await readFile(join(directory, second));
    await rm(join(directory, second));
    assert.deepEqual([(await verify()).fault?.code, (await verify()).fault?.file], ['removed', third]);
    await writeFile(join(directory, second), saved);
    const copy = join(directory, 'audit-000000000999.jsonl');
    await writeFile(copy, saved);
    assert.deepEqual(
      [(await verify()).fault?.code, (await verify()).fault?.file],
      ['removed', 'audit-000000000999.jsonl'],
    );
    await rm(copy);
    await appendFile(join(directory, fourth), '{"half');
    assert.deepEqual([(await verify()).fault?.code, (await verify()).fault?.file], ['torn', fourth]);
  });

  test('detects files that were removed at the end with a head that a caller kept', async () => {
    const head = await fill(small, 30);
    const files = await names();
    await rm(file);
    assert.equal((await verify()).fault, undefined, 'the files alone cannot prove their end');
    const { fault } = await verify([head]);
    assert.deepEqual([fault?.code, fault?.file], ['truncated', files.at(-2)]);
  });
});
