import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { offsetOf, readAt, sequenceAt, window } from '../../../../../src/daemon/audit/files/locate.ts';

/** A line of a record with so many bytes, the newline included. */
const line = (sequence: number, bytes = 100) => {
  const head = `{"v":1,"sequence":${sequence},"x":"`;
  return `${head}${'x'.repeat(bytes - head.length - 3)}"}\n`;
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-locate-');
});
afterEach(() => rmSync(directory, { recursive: true }));

async function withFile<T>(content: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const file = join(directory, 'audit.jsonl');
  writeFileSync(file, content);
  await using handle = await open(file, 'r');
  return await use(handle);
}

describe('the offset of a record', () => {
  /** Checks each sequence number up to two more than the last against the lines themselves. */
  async function requireEach(records: readonly (readonly [sequence: number, bytes: number])[]): Promise<void> {
    const starts = records.map(([sequence], index) => {
      return { sequence, at: records.slice(0, index).reduce((sum, [, bytes]) => sum + bytes, 0) };
    });
    await withFile(records.map(([sequence, bytes]) => line(sequence, bytes)).join(''), async (handle) => {
      for (let sequence = 0; sequence <= (records.at(-1)?.[0] ?? 0) + 2; sequence++) {
        const expected = starts.find((one) => one.sequence >= sequence)?.at;
        assert.equal(await offsetOf(handle, sequence), expected, `${sequence}`);
      }
    });
  }

  test('is that of its line, or of the next one if it is missing', async () => {
    await requireEach([]);
    await requireEach([[7, 100]]);
    await requireEach([
      [3, 90],
      [4, 200],
      [8, 100],
      [9, 70],
    ]);
  });

  test('is found over many windows, with lines of any length', async () => {
    await requireEach(Array.from({ length: 120 }, (_, index) => [index + 5, 100 + ((index * 7919) % 6000)] as const));
    for (const bytes of [window - 1, window, window + 1, 3 * window]) {
      await requireEach(
        Array.from({ length: 7 }, (_, index) => [2 * index + 1, index % 2 === 0 ? bytes : 80] as const),
      );
    }
  });

  test('is found with few reads in a large file', async () => {
    const content = Array.from({ length: 4000 }, (_, index) => line(index + 1, 2000)).join('');
    await withFile(content, async (handle) => {
      let reads = 0;
      const counting = {
        stat: () => handle.stat(),
        read: (...parts: unknown[]) => {
          reads++;
          return (handle.read as (...given: unknown[]) => unknown)(...parts);
        },
      } as unknown as FileHandle;
      for (const sequence of [1, 2, 1999, 3999, 4000]) {
        reads = 0;
        assert.equal(await offsetOf(counting, sequence), (sequence - 1) * 2000);
        // Seven halvings of two reads, and two reads for each line of the last window.
        assert.ok(reads <= 100, `${reads} reads`);
      }
    });
  });

  test('is found before the long rest of a line that was cut off', async () => {
    for (const rest of [window, 4 * window]) {
      const content = Array.from({ length: 300 }, (_, index) => line(index + 1)).join('') + 'x'.repeat(rest);
      await withFile(content, async (handle) => {
        for (const sequence of [1, 2, 150, 299, 300]) {
          assert.equal(await offsetOf(handle, sequence), (sequence - 1) * 100, `${sequence}`);
        }
        assert.equal(await offsetOf(handle, 301), undefined);
      });
    }
  });

  test('is found in a long last line before the rest of one that was cut off', async () => {
    await withFile(`${line(1)}${line(2, 3 * window)}xx`, async (handle) => {
      assert.deepEqual([await offsetOf(handle, 1), await offsetOf(handle, 2)], [0, 100]);
      assert.equal(await offsetOf(handle, 3), undefined);
    });
  });

  test('is unknown from a line on that is not a record', async () => {
    await withFile(`${line(1)}x\n${line(3)}`, async (handle) => {
      assert.equal(await offsetOf(handle, 1), 0);
      assert.equal(await offsetOf(handle, 3), undefined);
    });
  });
});

describe('the sequence number at an offset', () => {
  test('is read where a record begins, and nowhere else', async () => {
    const largest = Number.MAX_SAFE_INTEGER;
    const content = line(12) + line(largest);
    await withFile(content, async (handle) => {
      assert.deepEqual([await sequenceAt(handle, 0), await sequenceAt(handle, 100)], [12, largest]);
      for (const elsewhere of [1, 99, 101, content.length, content.length + 5]) {
        assert.equal(await sequenceAt(handle, elsewhere), undefined, `${elsewhere}`);
      }
    });
    for (const other of [
      '{"v":2,"sequence":1,',
      '{"v":1,"sequence":"1",',
      ' {"v":1,"sequence":1,',
      '{"v":1,"sequence":1',
    ]) {
      await withFile(other, async (handle) => assert.equal(await sequenceAt(handle, 0), undefined, other));
    }
  });
});

describe('bytes at an offset', () => {
  test('are as many as the file has', async () => {
    await withFile('abcdef', async (handle) => {
      const read = async (at: number, length: number) => (await readAt(handle, at, length)).toString();
      assert.deepEqual(
        [await read(0, 6), await read(1, 3), await read(4, 9), await read(6, 1)],
        ['abcdef', 'bcd', 'ef', ''],
      );
    });
  });
});
