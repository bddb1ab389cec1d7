import assert from 'node:assert/strict';
import fs, {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readToMerge, replaceAtOnce } from '../../../../src/core/files/at-once.ts';

let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-at-once-');
  file = join(root, 'state', 'heads.json');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a small file of a command', () => {
  test('is written whole, only for its owner, in a directory that is made for it', async () => {
    const before = process.umask(0o077);
    try {
      await replaceAtOnce(file, 'old');
      await replaceAtOnce(file, 'new “text”', { sync: false });
    } finally {
      process.umask(before);
    }
    assert.equal(readToMerge(file).text, 'new “text”');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(root, 'state')).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(join(root, 'state')), ['heads.json']);
  });

  test('is on the disk before it has its name, and its name before the command ends', async () => {
    const calls: string[] = [];
    const { fsync, renameSync } = fs;
    const synced = (descriptor: number) => basename(readlinkSync(`/proc/self/fd/${descriptor}`));
    Object.assign(fs, {
      fsync: (descriptor: number, done: () => void) => {
        calls.push(`sync ${synced(descriptor).replace(/\..*\.new$/, ' draft')}`);
        setImmediate(done);
      },
      renameSync: (from: string, to: string) => {
        calls.push(`rename ${basename(to)}`);
        renameSync(from, to);
      },
    });
    syncBuiltinESMExports();
    try {
      mkdirSync(join(root, 'state'));
      // A copy of its own: it has taken the functions of node:fs when it was loaded.
      const copy: string = '../../../../src/core/files/at-once.ts?recorded';
      const recorded = (await import(copy)) as { replaceAtOnce: typeof replaceAtOnce };
      await recorded.replaceAtOnce(file, 'new');
      await recorded.replaceAtOnce(file, 'not synced', { sync: false });
    } finally {
      Object.assign(fs, { fsync, renameSync });
      syncBuiltinESMExports();
    }
    assert.deepEqual(calls, ['sync heads draft', 'rename heads.json', 'sync state', 'rename heads.json']);
  });

  test('is one of those that several commands write at the same time', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(10_000));
    await Promise.all(texts.map((text) => replaceAtOnce(file, text)));
    assert.ok(texts.includes(readFileSync(file, 'utf8')));
    assert.deepEqual(readdirSync(join(root, 'state')), ['heads.json']);
  });

  test('replaces a link, and not the file that the link names', async () => {
    const other = join(root, 'other');
    writeFileSync(other, 'of somebody else');
    mkdirSync(join(root, 'state'));
    symlinkSync(other, file);
    await replaceAtOnce(file, 'mine');
    assert.deepEqual([readFileSync(other, 'utf8'), readToMerge(file).text], ['of somebody else', 'mine']);
  });

  test('leaves no draft when it cannot be written, and removes the draft of a process that was killed', async () => {
    mkdirSync(join(file, 'taken'), { recursive: true });
    const directory = join(root, 'state');
    // No process has this number: the kernel's largest is 2^22.
    writeFileSync(join(directory, 'heads.json.4194305-1.0123456789ab.new'), 'a secret');
    writeFileSync(join(directory, 'other.new'), 'kept');
    await assert.rejects(replaceAtOnce(file, 'text'), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(directory).sort(), ['heads.json', 'other.new']);
  });

  test('is current until it is replaced, changed where it is, removed or made', async () => {
    const none = readToMerge(file);
    assert.deepEqual([none.text, none.isCurrent()], [undefined, true]);
    await replaceAtOnce(file, 'one');
    assert.equal(none.isCurrent(), false);
    const one = readToMerge(file);
    assert.deepEqual([one.text, one.isCurrent()], ['one', true]);
    await replaceAtOnce(file, 'two');
    assert.equal(one.isCurrent(), false);
    const two = readToMerge(file);
    writeFileSync(file, 'more');
    assert.equal(two.isCurrent(), false);
    const more = readToMerge(file);
    assert.equal(more.isCurrent(), true);
    rmSync(file);
    assert.equal(more.isCurrent(), false);
  });

  test('reads as missing when there is none, and fails when it cannot be read', () => {
    assert.equal(readToMerge(file).text, undefined);
    assert.throws(() => readToMerge(root), { code: 'EISDIR' });
  });
});
