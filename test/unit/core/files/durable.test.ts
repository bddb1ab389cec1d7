import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';
import { watchFileCalls } from '../../../support/faults/file-calls.ts';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { makeDirectories, replaceFile } from '../../../../src/core/files/durable.ts';

let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-durable-');
  file = join(root, 'state.json');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a file that is replaced as a whole', () => {
  test('is written and synced under another name, renamed, and its directory synced, in this order', async () => {
    const calls = await recordChanges(root, () => replaceFile(file, 'new'));
    assert.deepEqual(calls, [
      'open state.json.new',
      'writeFile state.json.new',
      'chmod state.json.new',
      'sync state.json.new',
      'rename state.json',
      'sync ./',
    ]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('is the old one or the new one, whole, after any interruption; at the end, the new one', async () => {
    const found = new Set<string>();
    await crashAtEachChange({
      root,
      prepare: () => writeFileSync(file, 'old'),
      work: () => replaceFile(file, 'new', { mode: 0o640 }),
      check: (where, done) => {
        const content = readFileSync(file, 'utf8');
        found.add(content);
        if (done) assert.equal(content, 'new', where);
      },
      least: 6,
    });
    assert.deepEqual([...found].sort(), ['new', 'old']);
  });

  test('has a draft that only its writer opens, and a new one with its own name where several write', async () => {
    const opened: unknown[][] = [];
    {
      using _watch = watchFileCalls(root, async ({ name, path }, args, real) => {
        if (name === 'open' && path.endsWith('.new')) opened.push([path, ...args.slice(-2)]);
        return real();
      });
      await replaceFile(file, 'new');
      for (const text of ['a', 'b']) await replaceFile(file, text, { shared: true });
    }
    assert.deepEqual(
      opened.map(([, ...flags]) => flags),
      [
        ['w', 0o600],
        ['wx', 0o600],
        ['wx', 0o600],
      ],
    );
    assert.equal(new Set(opened.map(([path]) => path)).size, 3);
  });

  test('is left unchanged if an existing name must not be replaced', async () => {
    writeFileSync(file, 'old');
    await assert.rejects(replaceFile(file, 'new', { replace: false }), { code: 'EEXIST' });
    assert.equal(readFileSync(file, 'utf8'), 'old');
    rmSync(file);
    await replaceFile(file, 'new', { replace: false });
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.deepEqual(readdirSync(root), ['state.json']);
  });

  test('leaves no draft if it cannot be written', async () => {
    for (const failing of ['writeFile', 'chmod', 'sync', 'rename']) {
      writeFileSync(file, 'old');
      {
        using _watch = watchFileCalls(root, async ({ name }, _args, real) => {
          if (name === failing) throw Object.assign(new Error(`${name} failed`), { code: 'EIO' });
          return real();
        });
        await assert.rejects(replaceFile(file, 'new'), { code: 'EIO' }, failing);
      }
      assert.deepEqual(readdirSync(root), ['state.json'], failing);
      assert.equal(readFileSync(file, 'utf8'), 'old', failing);
    }
  });

  test('is not synced if the options disable that', async () => {
    const calls = await recordChanges(root, () => replaceFile(file, 'new', { sync: false }));
    assert.deepEqual(
      calls.filter((call) => call.startsWith('sync')),
      [],
    );
  });
});

describe('new directories', () => {
  test('all exist after a power cut, each with its mode', async () => {
    const deep = join(root, 'a', 'b', 'c');
    await crashAtEachChange({
      root,
      kinds: ['power'],
      prepare: () => rmSync(join(root, 'a'), { recursive: true, force: true }),
      work: () => makeDirectories(deep, 0o700),
      check: (where, done) => {
        if (done) assert.equal(statSync(deep).mode & 0o777, 0o700, where);
      },
      least: 4,
    });
    assert.ok(existsSync(deep));
  });

  test('are refused with the reason if a parent takes none, and without end nowhere', { timeout: 10_000 }, async () => {
    await assert.rejects(makeDirectories('/proc/none/state', 0o700), { code: 'ENOENT', path: '/proc/none' });
    writeFileSync(file, '');
    await assert.rejects(makeDirectories(join(file, 'state'), 0o700), { code: 'ENOTDIR' });
    await assert.rejects(makeDirectories(file, 0o700), { code: 'EEXIST' });
  });

  test('report the error of the disk, not that something is missing', async () => {
    for (const code of ['EROFS', 'EDQUOT', 'EIO', 'EMFILE']) {
      using _watch = watchFileCalls(root, async ({ name, path }, args, real) => {
        if (name !== 'mkdir') return real();
        // The kernel, too, reports a missing parent first.
        if (path !== join(root, 'a')) throw Object.assign(new Error('missing'), { code: 'ENOENT' });
        // Node.js, too, replaces the error of the disk by that of stat, with its option “recursive”.
        const isRecursive = (args[1] as { recursive?: boolean } | undefined)?.recursive === true;
        throw Object.assign(new Error('injected'), { code: isRecursive ? 'ENOENT' : code });
      });
      await assert.rejects(makeDirectories(join(root, 'a', 'b'), 0o700), { code });
    }
  });
});
