import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { chainStart, hashLine } from '../../../../src/core/audit/record.ts';
import { openAuditFile } from '../../../../src/daemon/audit/audit-file.ts';
import { type FileCall, watchFileCalls } from '../../../support/faults/file-calls.ts';
import { runsOneByOne } from '../../../support/faults/one-by-one.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';
import { openFiles } from '../../../support/faults/open-files.ts';

const line = (sequence: number) => JSON.stringify({ v: 1, sequence, time: new Date(sequence * 1000).toISOString() });
const bytes = (sequence: number) => Buffer.from(`${line(sequence)}\n`);

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-file-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));
const names = () => readdirSync(directory).sort();
const content = (name = 'audit.jsonl') => readFileSync(join(directory, name), 'utf8');
const mode = (name: string) => statSync(join(directory, name)).mode & 0o777;
const errorOf = (code: string) => Object.assign(new Error(`${code}: injected`), { code });
/** Fails the calls that are chosen while a work runs. */
async function failing<T>(code: string, choose: (call: FileCall) => boolean, work: () => Promise<T>): Promise<T> {
  using _watch = watchFileCalls(directory, (call, _args, real) =>
    choose(call) ? Promise.reject(errorOf(code)) : real(),
  );
  return await work();
}

describe('the file of the audit log that is written to', () => {
  test('begins empty, next to a reserve of 64 KiB', async () => {
    const log = await openAuditFile(file);
    assert.deepEqual(names(), ['audit.jsonl', 'audit.jsonl.reserve']);
    assert.deepEqual([mode('audit.jsonl'), mode('audit.jsonl.reserve')], [0o640, 0o640]);
    assert.equal(statSync(`${file}.reserve`).size, 64 * 1024);
    assert.deepEqual(
      [log.state, log.torn.length, log.size(), log.begun(), log.before()],
      [chainStart, 0, 0, undefined, undefined],
    );
    await log.write(bytes(1), false, 1, 5000);
    await log.write(bytes(2), true, 2, 6000);
    assert.equal(content(), `${line(1)}\n${line(2)}\n`);
    assert.deepEqual([log.size(), log.begun()], [bytes(1).length + bytes(2).length, 5000]);
    await log.close();
    assert.equal(openFiles(directory).length, 0);
  });

  test('is continued at its end, without a partial line', async () => {
    writeFileSync(file, `${line(7)}\n${line(8)}\n{"v"`);
    const log = await openAuditFile(file);
    assert.deepEqual(log.state, { sequence: 8, hash: hashLine(line(8)) });
    assert.deepEqual([log.torn.toString(), log.begun()], ['{"v"', 7000]);
    assert.equal(content(), `${line(7)}\n${line(8)}\n`);
    await log.write(bytes(9), true, 9, 0);
    assert.deepEqual([log.begun(), content()], [7000, [7, 8, 9].map((one) => `${line(one)}\n`).join('')]);
    await log.rotate(9);
    assert.equal(existsSync(join(directory, 'audit-000000000007.jsonl')), true, 'named by its first record');
    await log.close();
  });

  test('continues the newest rotated file if it is empty itself', async () => {
    writeFileSync(join(directory, 'audit-000000000001.jsonl'), bytes(1));
    writeFileSync(join(directory, 'audit-000000000002.jsonl'), Buffer.concat([bytes(2), bytes(3)]));
    const before = { file: 'audit-000000000002.jsonl', first: 2, last: 3 };
    const log = await openAuditFile(file);
    assert.deepEqual(log.state, { sequence: 3, hash: hashLine(line(3)) });
    assert.partialDeepStrictEqual(log.before(), before);
    await log.write(bytes(4), true, 4, 0);
    assert.equal(log.before(), undefined, 'that was said');
    await log.close();
    const again = await openAuditFile(file);
    assert.deepEqual([again.state.sequence, again.before()], [4, undefined]);
    await again.close();
    assert.equal(openFiles(directory).length, 0);
  });

  test('leaves nothing open if it cannot be continued', async () => {
    writeFileSync(file, 'hello\n');
    await assert.rejects(openAuditFile(file), { code: 'audit-failed' });
    assert.deepEqual([openFiles(directory).length, content()], [0, 'hello\n']);
    writeFileSync(file, '');
    writeFileSync(join(directory, 'audit-000000000001.jsonl'), 'hello\n');
    await assert.rejects(openAuditFile(file), { code: 'audit-failed' });
    assert.equal(openFiles(directory).length, 0);
  });

  test('is unchanged if a record could not be synced', async () => {
    const log = await openAuditFile(file);
    await log.write(bytes(1), true, 1, 5000);
    const write = () =>
      failing(
        'EIO',
        ({ name }) => name === 'datasync',
        () => log.write(bytes(2), true, 2, 0),
      );
    await assert.rejects(write(), { code: 'EIO' });
    assert.deepEqual([content(), log.size()], [`${line(1)}\n`, bytes(1).length]);
    const both = ({ name }: FileCall) => name === 'datasync' || name === 'truncate';
    const worse = failing('EIO', both, () => log.write(bytes(2), true, 2, 0));
    await assert.rejects(worse, { code: 'EIO' }, 'also when it cannot be cut');
    await log.close();
  });

  test('is closed whatever its last sync returns, and all is on the disk before', async () => {
    const log = await openAuditFile(file);
    await log.write(bytes(1), false, 1, 0);
    const calls: string[] = [];
    using _watch = watchFileCalls(directory, async ({ name, changes }, _args, real) => {
      if (changes) calls.push(name);
      if (name === 'datasync') throw errorOf('EIO');
      return real();
    });
    await log.close();
    assert.deepEqual([calls, openFiles(directory).length], [['datasync'], 0]);
  });
});

describe('a step of the file', () => {
  const wholly = (step: () => Promise<unknown>, fails?: (call: FileCall) => boolean) =>
    runsOneByOne(directory, step, fails);

  test('does its operations one after another, and ends only when all of them have ended', async () => {
    let renames = 0;
    let log = await openAuditFile(file);
    await log.close();
    await wholly(async () => {
      log = await openAuditFile(file);
    });
    await log.write(bytes(1), false, 1, 0);
    await wholly(
      () => log.write(bytes(2), true, 2, 0),
      ({ name }) => name === 'datasync',
    );
    await wholly(
      () => log.rotate(1),
      ({ name, path }) => name === 'rename' && path === file && ++renames === 1,
    );
    await wholly(() => log.rotate(1));
    assert.equal(openFiles(directory).length, 1);
    await wholly(() => log.useReserve());
    rmSync(file);
    await wholly(() => log.beginAgain(0));
    assert.equal(openFiles(directory).length, 1);
    await wholly(() => log.close());
    assert.equal(openFiles(directory).length, 0);
    writeFileSync(file, `${line(1)}\n{`);
    await wholly(async () => {
      log = await openAuditFile(file);
    });
    assert.equal(log.torn.toString(), '{');
    await log.close();
    assert.equal(content(), `${line(1)}\n`);
    writeFileSync(file, 'not a log\n');
    await wholly(() => openAuditFile(file));
    assert.equal(openFiles(directory).length, 0);
  });

  test('makes its changes in an order that a power cut may interrupt anywhere', async () => {
    const below = join(directory, 'log', 'audit.jsonl');
    let log = await openAuditFile(file);
    await log.close();
    const calls = await recordChanges(directory, async () => {
      log = await openAuditFile(below);
    });
    assert.equal(mode('log'), 0o750);
    const opened = ['open log/audit.jsonl', 'sync log/', 'writeFile log/audit.jsonl.reserve'];
    assert.deepEqual(calls.slice(calls.indexOf('open log/audit.jsonl')), opened);
    assert.deepEqual(await recordChanges(directory, () => log.write(bytes(1), false, 1, 0)), [], 'not synced');
    assert.deepEqual(await recordChanges(directory, () => log.write(bytes(2), true, 2, 0)), [
      'datasync log/audit.jsonl',
    ]);
    assert.deepEqual(await recordChanges(directory, () => log.rotate(2)), [
      'datasync log/audit.jsonl',
      'open log/audit.jsonl.next',
      'rename log/audit-000000000001.jsonl',
      'rename log/audit.jsonl',
      'sync log/',
    ]);
    await log.close();
    const again = await recordChanges(directory, async () => {
      log = await openAuditFile(below);
    });
    assert.equal(again.includes('truncate log/audit.jsonl'), false, 'it is whole');
    assert.equal(log.before()?.first, 1);
    rmSync(below);
    await log.beginAgain(0);
    assert.equal(log.before(), undefined, 'its first record says something else');
    await log.close();
  });
});

describe('a file that is full', () => {
  const full = async () => {
    const log = await openAuditFile(file);
    await log.write(bytes(1), false, 1, 5000);
    return log;
  };

  test('is kept under the number of its first record, and replaced by an empty one', async () => {
    const log = await full();
    await log.rotate(1);
    assert.deepEqual([content(), content('audit-000000000001.jsonl')], ['', `${line(1)}\n`]);
    assert.partialDeepStrictEqual(log.before(), { file: 'audit-000000000001.jsonl', first: 1, last: 1 });
    assert.deepEqual(
      [log.size(), log.begun(), mode('audit.jsonl'), openFiles(directory).length],
      [0, undefined, 0o640, 1],
    );
    await log.rotate(1);
    assert.deepEqual(names().length, 3, 'an empty one is not full');
    await log.write(bytes(2), true, 2, 6000);
    await log.rotate(2);
    assert.equal(content('audit-000000000002.jsonl'), `${line(2)}\n`);
    await log.close();
  });

  test('stays at its path if it cannot be synced, or either name cannot be changed', async () => {
    for (const [what, choose] of [
      ['sync', ({ name }: FileCall) => name === 'datasync'],
      ['open', ({ name, path }: FileCall) => name === 'open' && path.endsWith('.next')],
      ['archive', ({ name, path }: FileCall) => name === 'rename' && path.includes('audit-')],
      ['next', ({ name, path }: FileCall) => name === 'rename' && !path.includes('audit-')],
    ] as const) {
      rmSync(file, { force: true });
      const log = await full();
      let times = 0;
      // The name is given back by a second call.
      const once = (call: FileCall) => choose(call) && ++times === 1;
      await assert.rejects(
        failing('EACCES', once, () => log.rotate(1)),
        { code: 'EACCES' },
        what,
      );
      assert.deepEqual(names(), ['audit.jsonl', 'audit.jsonl.reserve'], what);
      assert.equal(openFiles(directory).length, 1, what);
      await log.write(bytes(2), true, 2, 0);
      assert.deepEqual([content(), log.before()], [`${line(1)}\n${line(2)}\n`, undefined], what);
      await log.close();
    }
  });
});

describe('the reserve of the audit log', () => {
  const isReserve = ({ name, path }: FileCall) => name === 'writeFile' && path.endsWith('.reserve');

  test('is released when the disk is full, and made again when there is space', async () => {
    const log = await openAuditFile(file);
    assert.equal(await log.hasRoom(), true);
    await log.useReserve();
    assert.equal(existsSync(`${file}.reserve`), false);
    for (const code of ['ENOSPC', 'EDQUOT']) {
      assert.equal(await failing(code, isReserve, () => log.hasRoom()), false, code);
    }
    assert.equal(await log.hasRoom(), true);
    assert.equal(statSync(`${file}.reserve`).size, 64 * 1024);
    rmSync(`${file}.reserve`);
    assert.equal(await log.hasRoom(), true);
    assert.equal(existsSync(`${file}.reserve`), false, 'looked at only after it was used');
    await log.useReserve();
    await log.close();
  });

  test('leaves no partial file, and causes no refusal if it has another fault', async () => {
    const log = await failing('ENOSPC', isReserve, () => openAuditFile(file));
    writeFileSync(`${file}.reserve`, 'half');
    assert.equal(await failing('ENOSPC', isReserve, () => log.hasRoom()), false);
    assert.equal(existsSync(`${file}.reserve`), false);
    assert.equal(await failing('EACCES', isReserve, () => log.hasRoom()), true);
    await log.close();
    const neither = ({ name, path }: FileCall) => path.endsWith('.reserve') && (name === 'rm' || name === 'writeFile');
    const other = await failing('ENOSPC', neither, () => openAuditFile(file));
    assert.equal(await failing('ENOSPC', neither, () => other.hasRoom()), false);
    assert.equal(await other.hasRoom(), true);
    await other.close();
  });

  test('is made again next to a new file', async () => {
    const log = await openAuditFile(file);
    await log.write(bytes(1), true, 1, 5000);
    await log.useReserve();
    rmSync(file);
    assert.equal(await log.beginAgain(0), '');
    assert.deepEqual(
      [log.size(), log.begun(), log.before(), openFiles(directory).length],
      [0, undefined, undefined, 1],
    );
    assert.deepEqual(names(), ['audit.jsonl', 'audit.jsonl.reserve']);
    assert.deepEqual([log.displacement(), mode('audit.jsonl')], [undefined, 0o640]);
    await log.write(bytes(2), true, 2, 7000);
    await log.rotate(2);
    assert.ok(existsSync(join(directory, 'audit-000000000002.jsonl')));
    await log.close();
  });
});
