import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { explainErrno } from '../../../../src/core/errors.ts';
import { readInput, readRegular } from '../../../../src/core/files/read-input.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-read-input-');
});
afterEach(() => rmSync(root, { recursive: true }));

const reasonOf = async (reading: Promise<Buffer>) =>
  reading.then(
    () => 'none',
    (error) => explainErrno(error),
  );

for (const [name, read] of Object.entries({ readInput, readRegular })) {
  describe(`a file (${name})`, () => {
    test('is read whole, also through a link, and if the system makes it up', async () => {
      const file = join(root, 'file');
      writeFileSync(file, 'text “of the disk”');
      symlinkSync(file, join(root, 'link'));
      assert.equal(String(await read(join(root, 'link'))), 'text “of the disk”');
      assert.match(String(await read('/proc/self/status')), /^Name:/);
      assert.equal(String(await read(file, 22)).length, 18, '22 bytes');
    });

    test('is refused with a reason in words if it is larger than allowed, missing, no file or in a circle', async () => {
      const file = join(root, 'file');
      writeFileSync(file, 'four');
      symlinkSync(join(root, 'circle'), join(root, 'circle'));
      assert.equal(await reasonOf(read(file, 3)), 'it is larger than 3 bytes');
      assert.equal(await reasonOf(read(root)), 'it is a directory');
      assert.equal(await reasonOf(read(join(root, 'missing'))), 'no such file or directory');
      assert.equal(await reasonOf(read(join(root, 'circle'))), 'there are too many symbolic links in the path');
    });

    test('is empty if it is a link to /dev/null, and not read forever if it is /dev/zero', async () => {
      symlinkSync('/dev/null', join(root, 'masked'));
      assert.equal(String(await read(join(root, 'masked'))), '');
      assert.equal(await reasonOf(read('/dev/zero', 100_000)), 'it is larger than 100000 bytes');
    });

    test('is refused if it is a socket', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
      try {
        assert.equal(await reasonOf(read(join(root, 'socket'))), 'it is a socket, or a device that is not there');
      } finally {
        server.close();
      }
    });
  });
}

describe('what a person names', () => {
  test('may be a pipe, and is waited for without a thread that would keep the program from ending', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Writes only because the program runs on: a read that blocks it would wait forever.
    const reading = readInput(pipe);
    await writeFile(pipe, 'text of a pipe');
    assert.equal(String(await reading), 'text of a pipe');
  });

  test('is waited for until the wait is given up', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const ended = new AbortController();
    const reading = readInput(pipe, undefined, ended.signal);
    ended.abort(new Error('Ctrl-C'));
    await assert.rejects(reading, { name: 'AbortError' });
  });

  test('is read as far as a limit from a pipe and from a device that never end', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = reasonOf(readInput(pipe, 3));
    await writeFile(pipe, 'four').catch(() => {});
    assert.equal(await reading, 'it is larger than 3 bytes');
    assert.equal(await reasonOf(readInput('/dev/zero', 100_000)), 'it is larger than 100000 bytes');
  });
});

describe('a file of a daemon', () => {
  test('is refused if it is a pipe, which nobody may ever write', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    assert.equal(await reasonOf(readRegular(pipe)), 'it is a pipe, not a file');
  });
});
