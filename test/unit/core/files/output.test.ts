import { failEachCall } from '../../../support/faults/each-error.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { lstat, mkdtempDisposable, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { writeNewOutput, writeOutput } from '../../../../src/core/files/output.ts';

function isUnwritable(error: unknown, where: string): void {
  assert.ok(error instanceof Problem, `${where}: ${error}`);
  assert.equal(error.code, 'unwritable-file', where);
}

describe('the output file of a command', () => {
  test('is the old one or the new one, whatever call of the file system fails, and no draft is left', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'mco-output-'));
    const file = join(directory.path, 'page.html');
    const begin = () => writeFile(file, 'old');
    const tried = await failEachCall(
      directory.path,
      begin,
      () => writeOutput(file, 'new'),
      async ({ error }, { where }) => {
        if (error !== undefined) isUnwritable(error, where);
        const content = await readFile(file, 'utf8');
        assert.ok(content === 'new' || (error !== undefined && content === 'old'), `${where}: ${content}`);
        assert.deepEqual(await readdir(directory.path), ['page.html'], where);
      },
    );
    assert.ok(tried >= 4, String(tried));
  });

  test('is not there at all when a new one cannot be written, so that the command can be repeated', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'mco-output-'));
    const file = join(directory.path, 'fleet.yaml');
    const tried = await failEachCall(
      directory.path,
      () => rm(file, { force: true }),
      () => writeNewOutput(file, 'whole'),
      async ({ error }, { where }) => {
        if (error !== undefined) isUnwritable(error, where);
        assert.deepEqual(await readdir(directory.path), error === undefined ? ['fleet.yaml'] : [], where);
      },
    );
    assert.ok(tried >= 2, String(tried));
    await assert.rejects(writeNewOutput(file, 'another'), { code: 'file-exists' });
    assert.equal(await readFile(file, 'utf8'), 'whole');
  });

  test('stays a link, and a pipe stays a pipe', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'mco-output-'));
    const [file, link] = [join(directory.path, 'real'), join(directory.path, 'link')];
    await writeFile(file, 'old');
    await symlink(file, link);
    await writeOutput(link, 'new');
    assert.equal(await readFile(file, 'utf8'), 'new');
    assert.ok((await lstat(link)).isSymbolicLink());
    // No device of this machine: a fault would replace it.
    const pipe = join(directory.path, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await using reader = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    await writeOutput(pipe, 'text');
    const { buffer, bytesRead } = await reader.read(Buffer.alloc(10));
    assert.equal(buffer.toString('utf8', 0, bytesRead), 'text');
    assert.ok((await stat(pipe)).isFIFO());
  });
});
