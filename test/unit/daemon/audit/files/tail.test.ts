import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { chainStart, hashLine } from '../../../../../src/core/audit/record.ts';
import { readFirst, readRecent, readTail } from '../../../../../src/daemon/audit/files/tail.ts';
import { openFiles } from '../../../../support/faults/open-files.ts';

const chunk = 1024 * 1024;
const second = (sequence: number) => new Date(sequence * 1000).toISOString();
/** A record of so many bytes, written as many seconds after the epoch as its number says. */
const line = (sequence: number, bytes = 100) => {
  const empty = JSON.stringify({ v: 1, sequence, time: second(sequence), x: '' });
  return empty.replace('"x":""', `"x":"${'x'.repeat(Math.max(0, bytes - empty.length))}"`);
};
const text = (...lines: string[]) => lines.map((one) => `${one}\n`).join('');

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-tail-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

async function withFile<T>(content: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
  writeFileSync(file, content);
  await using handle = await open(file, 'r');
  return await read(handle);
}

describe('the end of a file of the audit log', () => {
  const tail = (content: string) => withFile(content, (handle) => readTail(handle, 'audit.jsonl'));

  test('is its last whole line, with what follows it', async () => {
    for (const before of [[], [line(1)], [line(1), line(2)]]) {
      for (const torn of ['', '{', line(9, 300)]) {
        const last = line(before.length + 1, 200);
        const whole = text(...before, last);
        const found = await tail(whole + torn);
        assert.deepEqual(found.state, { sequence: before.length + 1, hash: hashLine(last) });
        assert.deepEqual([found.size, found.torn.toString()], [whole.length, torn]);
        assert.equal(found.last?.sequence, before.length + 1);
      }
    }
  });

  test('is found in lines that are longer than the read buffer', async () => {
    for (const bytes of [chunk - 2, chunk - 1, chunk, chunk + 1, 2 * chunk + 7]) {
      const last = line(2, bytes);
      for (const torn of ['', '{', 'x'.repeat(chunk - 1), 'x'.repeat(chunk + 5)]) {
        const whole = text(line(1), last);
        const found = await tail(whole + torn);
        assert.deepEqual(found.state, { sequence: 2, hash: hashLine(last) }, `${bytes}`);
        assert.deepEqual([found.size, found.torn.length], [whole.length, torn.length]);
        assert.equal((await tail(text(last) + torn)).size, last.length + 1, 'the only line');
      }
    }
  });

  test('is the start of a chain if no line is whole', async () => {
    for (const torn of ['', '{"v":1', 'x'.repeat(chunk + 1)]) {
      const { state, size, torn: rest, last } = await tail(torn);
      assert.deepEqual([state, size, rest.toString(), last], [chainStart, 0, torn, undefined]);
    }
  });

  test('must be a record', async () => {
    const words = 'the last line of audit.jsonl is not a record of an audit log';
    for (const last of ['', 'x', '{}', 'null', '{"sequence":"1"}']) {
      await assert.rejects(tail(text(line(1), last)), { code: 'audit-failed', message: words }, last);
    }
    await assert.rejects(tail('\n'), { code: 'audit-failed' });
  });
});

describe('a file of the audit log is read in as few pieces as possible', () => {
  /** The pieces that were read: where they begin, and their size. */
  const pieces = (content: string, read: (handle: FileHandle) => Promise<unknown>) =>
    withFile(content, async (handle) => {
      const spied = mock.method(handle, 'read').mock;
      await read(handle);
      return spied.calls.map(({ arguments: given }) => {
        const [, , size, from] = given as unknown as readonly [Buffer, number, number, number];
        return [from, size];
      });
    });
  const readEnd = (handle: FileHandle) => readTail(handle, 'audit.jsonl');

  test('for its end: the last MiB, and more only while that has fewer than two newlines', async () => {
    const short = text(...Array.from({ length: 3 * 1024 }, (_, index) => line(index + 1, 1023)));
    assert.equal(short.length, 3 * chunk);
    assert.deepEqual(await pieces(short, readEnd), [[2 * chunk, chunk]]);
    const two = (bytes: number) => pieces(text(line(1, chunk - 1), line(2, bytes)), readEnd);
    assert.deepEqual(await two(chunk - 2), [[chunk - 1, chunk]], 'with the newline before the last line');
    assert.deepEqual(await two(chunk - 1), [
      [chunk, chunk],
      [0, chunk],
    ]);
  });

  test('for its first record: 64 KiB, then a MiB, then 16 MiB, and no more', async () => {
    const of = (content: string) => pieces(content, readFirst);
    const [small, medium, large] = [64 * 1024, chunk, 16 * chunk].map((size) => [0, size]);
    assert.deepEqual(await of(text(line(1, 64 * 1024 - 1), line(2))), [small]);
    assert.deepEqual(await of(text(line(1, 64 * 1024), line(2))), [small, medium]);
    assert.deepEqual(await of(text(line(1, chunk), line(2))), [small, medium, large]);
    assert.deepEqual(await of('x'.repeat(16 * chunk + 1)), [small, medium, large]);
    assert.deepEqual(await of(line(1)), [small], 'it has no more');
    assert.deepEqual(await of(`\n${'x'.repeat(64 * 1024)}`), [small], 'its first line is empty');
    assert.deepEqual(await of(line(1, 64 * 1024)), [small, medium], 'it may have more');
  });
});

describe('the first record of a file', () => {
  const first = async (content: string) => (await withFile(content, readFirst))?.sequence;

  test('is found, however long it is', async () => {
    for (const bytes of [100, 64 * 1024 - 1, 64 * 1024, chunk - 1, chunk, 3 * chunk]) {
      assert.equal(await first(text(line(7, bytes), line(8))), 7, `${bytes}`);
    }
  });

  test('finds no record if no line is complete, or if the first line is not a record', async () => {
    for (const content of ['', line(7), line(7, 64 * 1024), line(7, chunk), text('x', line(7))]) {
      assert.equal(await first(content), undefined);
    }
  });
});

describe('the records that a starting daemon remembers', () => {
  const place = (name: string, content: string) => {
    writeFileSync(join(directory, name), content);
    return { path: join(directory, name), first: undefined };
  };
  const everything = { since: 0, most: Number.POSITIVE_INFINITY };
  const recent = async (
    contents: readonly string[],
    { since, most }: Partial<typeof everything> = {},
    wasEmpty?: boolean,
  ) => {
    const files = contents.map((content, index) => place(`${index}.jsonl`, content));
    const { records, completeSince } = await readRecent(files, since ?? 0, most ?? everything.most, wasEmpty);
    assert.equal(openFiles(directory).length, 0);
    return { sequences: records.map(({ sequence }) => sequence), completeSince };
  };
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const lines = (from: number, to: number, bytes?: number) => text(...range(from, to).map((one) => line(one, bytes)));
  const always = Number.NEGATIVE_INFINITY;

  test('are those of all files, oldest first, and complete if the first of all exists', async () => {
    assert.deepEqual(await recent([lines(1, 3), lines(4, 4), lines(5, 9)]), {
      sequences: range(1, 9),
      completeSince: always,
    });
    assert.deepEqual(await recent(['', lines(1, 2)]), { sequences: [1, 2], completeSince: always });
  });

  test('begin at a time, and are complete from there on', async () => {
    for (const [since, from] of [
      [5000, 5],
      [5001, 6],
      [4999, 5],
    ] as const) {
      assert.deepEqual(await recent([lines(1, 4), lines(5, 9)], { since }), {
        sequences: range(from, 9),
        completeSince: since,
      });
    }
    assert.deepEqual(await recent([lines(1, 9)], { since: 10_000 }), { sequences: [], completeSince: 10_000 });
  });

  test('are complete from the oldest on if earlier ones are missing', async () => {
    assert.deepEqual(await recent([lines(2, 9)]), { sequences: range(2, 9), completeSince: 2000 });
    assert.deepEqual(
      await recent([lines(1, 3), lines(5, 9)]),
      { sequences: range(5, 9), completeSince: 5000 },
      'a gap',
    );
    const broken = text(line(1), 'x', line(2), line(3));
    assert.deepEqual(await recent([broken]), { sequences: [2, 3], completeSince: 2000 });
    assert.deepEqual(
      await recent([lines(1, 3), 'x', lines(4, 5)]),
      { sequences: [4, 5], completeSince: 4000 },
      'a byte',
    );
    assert.deepEqual(await recent([lines(1, 3) + lines(3, 4)]), { sequences: [3, 4], completeSince: 3000 }, 'twice');
  });

  test('are none of a log that is empty, which knows nothing unless it always was', async () => {
    assert.deepEqual(await recent([]), { sequences: [], completeSince: always });
    assert.deepEqual(await recent([''], {}, true), { sequences: [], completeSince: always });
    assert.deepEqual(await recent([''], {}, false), { sequences: [], completeSince: Number.POSITIVE_INFINITY });
    assert.deepEqual(await recent([lines(1, 2)], {}, false), { sequences: [1, 2], completeSince: always });
  });

  test('are read from lines of any length, across the borders of the read buffer', async () => {
    for (const bytes of [300_000, chunk - 1, chunk, chunk + 1]) {
      const { sequences } = await recent([lines(1, 5, bytes), lines(6, 7, bytes)]);
      assert.deepEqual(sequences, range(1, 7), `${bytes}`);
    }
  });

  test('are limited in bytes, in whole pieces', async () => {
    const contents = [lines(1, 10, 200_000), lines(11, 20, 200_000)];
    const of = async (most: number) => (await recent(contents, { most })).sequences;
    assert.deepEqual(await of(0), []);
    // The last MiB holds five whole lines of 200,000 bytes.
    assert.deepEqual([await of(1), await of(chunk)], [range(16, 20), range(16, 20)]);
    assert.deepEqual(await of(chunk + 1), range(11, 20));
    assert.deepEqual(await of(2_000_010), range(11, 20), 'as much as the file has');
    assert.deepEqual(await of(2_000_011), range(6, 20), 'and the last MiB of the one before');
  });
});
