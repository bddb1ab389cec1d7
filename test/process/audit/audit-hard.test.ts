import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listAuditFiles } from '../../../src/core/audit/files.ts';
import { verifyAuditLog } from '../../../src/core/audit/verify-log.ts';
import { openAuditLog } from '../../../src/daemon/audit/audit-log.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode } from '../../support/node/node.ts';
import { oneOf } from '../../support/points.ts';
import { counted, waiting } from '../../support/agents/probe-agent.ts';
import { runProgram } from '../../support/program/run-program.ts';
import { until } from '../../support/until.ts';

const repository = join(import.meta.dirname, '../../..');

describe('the audit log under hard conditions', () => {
  let fleet: Fleet;
  let rip: Member;

  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());

  test('lets no change begin on a full disk, and still takes the outcome of one that had begun', async (t) => {
    const disk = join(fleet.dir, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    t.after(() => execFileSync('umount', [disk]));
    await using node = await startTestNode(fleet, { name: 'dev6.devco.net', auditFile: join(disk, 'audit.jsonl') });
    const began = node.call(rip, { action: 'wait', input: {} });
    await until('the call of probe.wait', () => waiting.length > 0, 0);
    await appendFile(join(disk, 'filler'), Buffer.alloc(300_000)).catch(() => {});

    // The last page of the file may have room for a record or two.
    let before = counted.times;
    let refused = await node.call(rip, { action: 'count', input: {} });
    for (let more = 0; refused.outcome === 'ok' && more < 5; more++) {
      before = counted.times;
      refused = await node.call(rip, { action: 'count', input: {} });
    }
    assert.deepEqual([refused.outcome, refused.code], ['refused', 'audit-failed']);
    assert.match(refused.message, /nothing was done/);
    assert.equal(counted.times, before);
    waiting.shift()?.();
    const ended = await began;
    assert.deepEqual([ended.outcome, ended.hint], ['ok', '']);
    assert.equal((await node.records()).at(-1)?.kind, 'outcome');

    await rm(join(disk, 'filler'));
    assert.equal((await node.call(rip, { action: 'count', input: {} })).outcome, 'ok');
    assert.equal((await verifyAuditLog(node.auditFile, fleet.trust)).fault, undefined);
  });

  test('verifies after its writer was killed again and again, in files that were rotated meanwhile', async () => {
    const kills = 20 / oneOf;
    const member = await fleet.node('dev8.devco.net');
    const file = join(fleet.dir, 'killed', 'audit.jsonl');
    for (let kill = 0; kill < kills; kill++) {
      const argv = ['test/support/node/audit-writer.ts', file, member.files.directory];
      const child = spawn(process.execPath, argv, { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      // A kill lands between two writes as a rule: half a line is what a machine leaves that goes down.
      if (kill % 4 === 0) await appendFile(file, '{"v":1,"sequence":');
    }
    await (await openAuditLog(file, () => member.credentials, Date.now)).close();
    const verdict = await verifyAuditLog(file, fleet.trust);
    assert.equal(verdict.fault, undefined);
    const files = await listAuditFiles(file);
    const all = (await Promise.all(files.map(({ path }) => readFile(path, 'utf8')))).join('');
    assert.equal(all.match(/"kind":"started"/g)?.length, kills);
    assert.equal(all.match(/"torn_bytes":18,/g)?.length, kills / 4, 'each half line is kept');
  });

  test('lets a third party verify a request with only openssl', async () => {
    await using node = await startTestNode(fleet, { name: 'dev1.devco.net' });
    await node.call(rip, { input: { text: 'a "quoted" text', secret: 'hunter2' }, sensitive: ['secret'] });
    const line =
      (await readFile(node.auditFile, 'utf8')).split('\n').find((one) => one.includes('"kind":"intent"')) ?? '';
    const check = async (text: string) => {
      await writeFile(join(fleet.dir, 'line'), `${text}\n`);
      return await runProgram(
        'sh',
        [
          '-c',
          'sh docs/scripts/verify-request.sh "$1" < "$2"',
          'sh',
          join(fleet.dir, 'ca.crt'),
          join(fleet.dir, 'line'),
        ],
        { cwd: repository },
      );
    };
    const good = await check(line);
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /Verified OK\ncaller\.crt: OK\n.*mco:\/\/devco\.net\/operator\/rip@devco\.net/);
    const bytes = /"request":"([^"]+)"/.exec(line)?.[1] ?? '';
    const forged = Buffer.from(bytes, 'base64');
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    assert.notEqual((await check(line.replace(bytes, forged.toString('base64')))).code, 0);
  });

  test('stores no sensitive value, and a refusal does not repeat one', async () => {
    await using node = await startTestNode(fleet, { name: 'dev3.devco.net' });
    const refused = await node.call(rip, {
      input: { text: 'a', secret: ['hunter2-in-a-list'] },
      sensitive: ['secret'],
    });
    assert.equal(refused.code, 'invalid-input');
    assert.doesNotMatch(JSON.stringify({ ...refused, data: refused.data.toString() }), /hunter2/);
    const text = await readFile(node.auditFile, 'utf8');
    assert.doesNotMatch(text, /hunter2/);
    assert.doesNotMatch(
      Buffer.from(/"request":"([^"]+)"/.exec(text)?.[1] ?? '', 'base64').toString('latin1'),
      /hunter2/,
    );
  });
});
