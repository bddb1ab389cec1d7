import assert from 'node:assert/strict';
import {
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { findDisplacement, openInstead } from '../../../../../src/daemon/audit/displaced.ts';
import { watchFileCalls } from '../../../../support/faults/file-calls.ts';
import { recordChanges } from '../../../../support/faults/record-calls.ts';

const now = Date.UTC(2026, 5, 1, 12, 30);
const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-instead-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a new file in place of what is found at the path of an audit log', () => {
  const begin = async () => {
    const { handle, kept } = await openInstead(file, flags, now);
    await handle.write('new');
    await handle.close();
    return kept;
  };
  const aside = 'audit.jsonl.found-2026-06-01T123000.000Z';

  test('is made with its directory where there is nothing, for the daemon and its group alone', async () => {
    file = join(directory, 'log', 'audit.jsonl');
    const umask = process.umask(0);
    try {
      assert.equal(await begin(), '');
    } finally {
      process.umask(umask);
    }
    assert.deepEqual([statSync(join(directory, 'log')).mode & 0o777, statSync(file).mode & 0o777], [0o750, 0o640]);
    assert.equal(readFileSync(file, 'utf8'), 'new');
  });

  test('leaves a file with content, even of one byte, beside it', async () => {
    writeFileSync(file, 'x');
    assert.equal(await begin(), aside);
    assert.deepEqual([readFileSync(join(directory, aside), 'utf8'), readFileSync(file, 'utf8')], ['x', 'new']);
  });

  test('uses an empty file that is there', async () => {
    writeFileSync(file, '');
    const { ino } = statSync(file);
    assert.equal(await begin(), '');
    assert.deepEqual([readdirSync(directory), statSync(file).ino], [['audit.jsonl'], ino]);
  });

  test('leaves what is not a file beside it: a directory, or a socket, which has no size', async () => {
    mkdirSync(file);
    assert.equal(await begin(), aside);
    assert.equal(statSync(join(directory, aside)).isDirectory(), true);
    rmSync(file);
    rmSync(join(directory, aside), { recursive: true });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(file, resolve));
    try {
      assert.equal(statSync(file).size, 0);
      assert.equal(await begin(), aside);
      assert.equal(statSync(file).isFile(), true);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('is not made over a link to nowhere', async () => {
    symlinkSync(join(directory, 'elsewhere'), file);
    await assert.rejects(openInstead(file, flags, now), { code: 'EEXIST' });
    assert.equal(existsSync(join(directory, 'elsewhere')), false);
  });

  test('is not one that another program makes in that moment', async () => {
    for (const before of ['', 'x']) {
      if (before !== '') writeFileSync(file, before);
      using _watch = watchFileCalls(directory, ({ name, path }, _args, real) => {
        if (name === 'open' && path === file) writeFileSync(file, 'theirs');
        return real();
      });
      await assert.rejects(openInstead(file, flags, now), { code: 'EEXIST' });
      assert.equal(readFileSync(file, 'utf8'), 'theirs');
      rmSync(file);
    }
  });

  test('is not opened before the old one has its new name, however long that takes', async () => {
    writeFileSync(file, 'x');
    using _watch = watchFileCalls(directory, async ({ name }, _args, real) => {
      if (name === 'rename') await new Promise((resolve) => setTimeout(resolve, 5));
      return real();
    });
    assert.equal(await begin(), aside);
    assert.equal(readFileSync(join(directory, aside), 'utf8'), 'x');
  });

  test('is opened when the old name is free, and both names are then made to last', async () => {
    writeFileSync(file, 'x');
    const calls = await recordChanges(directory, begin);
    assert.deepEqual(calls.slice(0, 3), [`rename ${aside}`, 'open audit.jsonl', 'sync ./']);
  });
});

describe('what another program did to an audit log', () => {
  test('is found by the name, the file and its size, before each record', async () => {
    writeFileSync(file, 'four');
    await using handle = await open(file, 'r+');
    assert.equal(findDisplacement(file, handle, 4), undefined);
    assert.equal(findDisplacement(file, handle, 3), 'lengthened');
    assert.equal(findDisplacement(file, handle, 5), 'shortened');
    truncateSync(file, 0);
    assert.equal(findDisplacement(file, handle, 0), undefined);
    rmSync(file);
    assert.equal(findDisplacement(file, handle, 0), 'missing');
    writeFileSync(file, '');
    assert.equal(findDisplacement(file, handle, 0), 'replaced');
    assert.equal(findDisplacement(join(file, 'x'), handle, 0), 'missing', 'the directory is now a file');
  });

  test('is a replacement if another file system has a file of the same number there', async () => {
    // The top directories of file systems that the kernel keeps in memory.
    const roots = ['/proc', '/sys', '/dev/shm', '/dev'].filter(existsSync).map((path) => ({ path, ...statSync(path) }));
    const pairs = roots.flatMap((one) => roots.map((other) => [one, other] as const));
    const [one, other] = pairs.find(([{ ino, dev }, second]) => ino === second.ino && dev !== second.dev) ?? [];
    assert.ok(one && other, 'no two file systems have a file of the same number here');
    await using handle = await open(one.path, 'r');
    assert.equal(findDisplacement(one.path, handle, one.size), undefined);
    assert.equal(findDisplacement(other.path, handle, one.size), 'replaced');
  });
});
