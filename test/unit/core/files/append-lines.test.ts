import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startAppending } from '../../../../src/core/files/append-lines.ts';
import { watchFileCalls } from '../../../support/faults/file-calls.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';

let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-append-');
  file = join(root, 'log');
});
afterEach(() => rmSync(root, { recursive: true }));

type Append = Awaited<ReturnType<typeof startAppending>>;
async function appending(work: (append: Append) => Promise<void>, options: { isWhole?: boolean } = {}) {
  const handle = await open(file, 'a');
  try {
    await work(await startAppending(handle, options));
  } finally {
    await handle.close();
  }
}

/** Fails these calls, in turn; of a line that is appended, half is written before. */
function failing(...names: string[]) {
  return watchFileCalls(root, async ({ name }, args, real) => {
    if (name !== names[0]) return real();
    names.shift();
    if (name === 'appendFile') writeFileSync(file, String(args[0]).slice(0, 3), { flag: 'a' });
    throw Object.assign(new Error(`${name} failed`), { code: 'ENOSPC' });
  });
}

describe('lines that are appended', () => {
  test('are on the disk, one after the other, before each is reported', async () => {
    const calls = await recordChanges(root, () =>
      appending(async (append) => {
        await Promise.all([append('one\n'), append('two\n')]);
      }),
    );
    const each = ['appendFile log', 'datasync log'];
    assert.deepEqual(calls, ['open log', ...each, ...each]);
    assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
  });

  test('are there completely or not at all, and one that failed does not keep the next from being written', async () => {
    for (const name of ['appendFile', 'datasync']) {
      writeFileSync(file, 'old\n');
      await appending(async (append) => {
        using _watch = failing(name);
        const results = await Promise.allSettled([append('lost\n'), append('next\n')]);
        assert.deepEqual(
          results.map(({ status }) => status),
          ['rejected', 'fulfilled'],
          name,
        );
      });
      assert.equal(readFileSync(file, 'utf8'), 'old\nnext\n', name);
    }
  });

  test('stay when a part of a later one is removed, whatever their letters', async () => {
    for (const name of ['appendFile', 'datasync']) {
      rmSync(file, { force: true });
      await appending(async (append) => {
        await append('ä line\n');
        await append('another: “ö”\n');
        using _watch = failing(name);
        await assert.rejects(append('lost\n'), { code: 'ENOSPC' });
        await append('next\n');
      });
      assert.equal(readFileSync(file, 'utf8'), 'ä line\nanother: “ö”\nnext\n', name);
    }
  });

  test('begin on a new line where a part of another one could not be removed', async () => {
    await appending(async (append) => {
      await append('old\n');
      using _watch = failing('appendFile', 'truncate');
      await assert.rejects(append('lost\n'), { code: 'ENOSPC' });
      await append('next\n');
      await append('last\n');
    });
    assert.equal(readFileSync(file, 'utf8'), 'old\nlos\nnext\nlast\n');
  });

  test('begin on a new line after what is there, except where that is known to be whole', async () => {
    writeFileSync(file, 'a part');
    await appending((append) => append('one\n'));
    await appending((append) => append('two\n'), { isWhole: true });
    assert.equal(readFileSync(file, 'utf8'), 'a part\none\ntwo\n');
  });
});
