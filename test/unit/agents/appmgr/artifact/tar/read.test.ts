import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readTar, type TarEntry } from '../../../../../../src/agents/appmgr/artifact/tar/read.ts';
import { Problem } from '../../../../../../src/core/errors.ts';
import { temporaryDirectory } from '../../../../../support/agents/agent-setup.ts';
import { makeTar } from '../../../../../support/agents/appmgr/tar-archive.ts';
import { holds, reached } from '../../../../../support/property/property.ts';

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Read extends Omit<TarEntry, 'content'> {
  readonly text: string;
}

async function readAll(bytes: Buffer, { chunk = 700, limit = 1e9 } = {}): Promise<Read[]> {
  const entries: Read[] = [];
  for await (const { content, ...entry } of readTar(inChunks(bytes, chunk), limit)) {
    const bytes = Buffer.alloc(entry.size);
    for await (const piece of content) bytes.set(piece.bytes, piece.at);
    entries.push({ ...entry, text: bytes.toString() });
  }
  return entries;
}

function code(expected: string) {
  return (error: unknown) => error instanceof Problem && error.code === expected;
}

/** Sets the checksum of the header block at an offset right, as a hostile writer would. */
function mendSum(bytes: Buffer, at: number): void {
  bytes.write('        ', at + 148);
  const sum = bytes.subarray(at, at + 512).reduce((total, one) => total + one, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148);
}

describe('the tar reader', () => {
  test('reads the output of GNU tar, in its own and in the pax format, long names included', async () => {
    const directory = temporaryDirectory();
    const deep = join('d'.repeat(90), 'e'.repeat(90), 'ü'.repeat(60));
    mkdirSync(join(directory, 'in', deep), { recursive: true });
    writeFileSync(join(directory, 'in', deep, 'file.txt'), 'deep\n');
    writeFileSync(join(directory, 'in', 'empty'), '');
    writeFileSync(join(directory, 'in', 'big'), 'x'.repeat(200_000));
    for (const format of ['gnu', 'pax', 'ustar']) {
      const from = format === 'ustar' ? ['empty', 'big'] : ['.'];
      const bytes = execFileSync('tar', ['-C', join(directory, 'in'), `--format=${format}`, '-cf', '-', ...from], {
        maxBuffer: 1 << 24,
      });
      const files = new Map((await readAll(bytes)).map((entry) => [entry.path.replace(/^\.\//, ''), entry]));
      assert.equal(files.get('big')?.text.length, 200_000, format);
      assert.equal(files.get('empty')?.text, '', format);
      if (format !== 'ustar') assert.equal(files.get(`${deep}/file.txt`)?.text, 'deep\n', format);
    }
  });

  test('reads the same in chunks of any size', async () => {
    const bytes = makeTar([
      { path: 'a', content: 'one' },
      { path: 'b', content: Buffer.alloc(1500, 'z') },
      { path: 'c', type: '2', target: 'a' },
    ]);
    const whole = await readAll(bytes, { chunk: bytes.length });
    for (const chunk of [1, 511, 512, 513]) assert.deepEqual(await readAll(bytes, { chunk }), whole);
  });

  test('reads an extended header of the maximum size', async () => {
    const content = `${'a'.repeat(100)}\0`.padEnd(1024 * 1024, '\0');
    const bytes = makeTar([
      { path: 'long', type: 'L', content },
      { path: 'short', content: 'x' },
    ]);
    assert.deepEqual(
      (await readAll(bytes)).map(({ path, text }) => [path, text]),
      [['a'.repeat(100), 'x']],
    );
  });

  test('uses nothing from a global header', async () => {
    const bytes = makeTar([
      { path: 'pax', type: 'g', content: '15 path=/etc/x\n' },
      { path: 'a', content: 'x' },
    ]);
    assert.deepEqual(
      (await readAll(bytes)).map(({ path }) => path),
      ['a'],
    );
  });
});

describe('the tar reader with a malformed archive', () => {
  test('refuses an archive that ends too early, at any block', async () => {
    const bytes = makeTar([{ path: 'a', content: Buffer.alloc(1200, 'z') }]);
    for (let end = 0; end < bytes.length - 1024; end += 256) {
      await assert.rejects(readAll(bytes.subarray(0, end)), code('bad-archive'), `cut at ${end}`);
    }
  });

  test('refuses a header whose sum does not match', async () => {
    const bytes = makeTar([{ path: 'a', content: 'x' }]);
    bytes[0] = 0x62;
    await assert.rejects(readAll(bytes), code('bad-archive'));
  });

  test('refuses more bytes than it may read', async () => {
    const bytes = makeTar([{ path: 'a', content: Buffer.alloc(10_000) }]);
    await assert.rejects(readAll(bytes, { limit: 5000 }), code('archive-too-large'));
  });

  test('refuses an oversized extended header before it is in memory', async () => {
    const largest = 1024 * 1024;
    for (const type of ['x', 'X', 'g', 'L', 'K']) {
      for (const size of [largest + 1, 8 ** 10]) {
        let given = 0;
        const endless = async function* () {
          yield makeTar([{ path: 'pax', type, size }]).subarray(0, 512);
          for (; given < 10 * largest; given += 64 * 1024) yield Buffer.alloc(64 * 1024);
        };
        const read = async () => {
          for await (const _ of readTar(endless(), 1e9)) assert.fail('there is no entry');
        };
        await assert.rejects(read(), { code: 'bad-archive', message: /^the archive has a header of \d+ bytes/ }, type);
        assert.ok(given <= 64 * 1024, `${given} bytes were read after a header ${type} of ${size} bytes`);
      }
    }
  });

  test('refuses malformed pax records and maps of sparse files', async () => {
    for (const content of [
      '99 path=a\n',
      '0 path=a\n',
      'path=a\n',
      '8 =path\n',
      '22 GNU.sparse.major=1\n',
      '21 GNU.sparse.size=9\n',
      '21 GNU.sparse.size=x\n20 GNU.sparse.map=\n',
      '21 GNU.sparse.size=1\n23 GNU.sparse.map=0,2\n',
      '21 GNU.sparse.size=9\n27 GNU.sparse.map=4,1,0,0\n',
      '-1 a=b\n',
      '12 size=1e99\n',
    ]) {
      const bytes = makeTar([
        { path: 'pax', type: 'x', content },
        { path: 'a', content: 'x' },
      ]);
      await assert.rejects(readAll(bytes), code('bad-archive'), content);
    }
  });

  test('ends in entries or a Problem for any bytes', async () => {
    const seed = makeTar([
      { path: 'pax', type: 'x', content: '12 path=abc\n' },
      { path: 'a', content: 'hello' },
    ]);
    const kept = ['a', 'abc', 'pax'];
    await holds(
      fc.asyncProperty(fc.nat(seed.length - 1), fc.nat(255), fc.boolean(), async (at, byte, mends) => {
        const bytes = Buffer.from(seed);
        bytes[at] = byte;
        if (mends) mendSum(bytes, at - (at % 512));
        try {
          const entries = await readAll(bytes);
          reached();
          for (const { path, text, size } of entries) assert.ok(size === text.length || !kept.includes(path));
        } catch (error) {
          assert.ok(error instanceof Problem, String(error));
        }
      }),
    );
  });
});
