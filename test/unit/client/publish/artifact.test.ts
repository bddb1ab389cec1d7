import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openArtifact } from '../../../../src/client/publish/artifact.ts';
import { sha256 } from '../../../../src/core/publish/chunks.ts';
import { largestArtifact } from '../../../../src/core/publish/limits.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { writeArtifact } from '../../../support/publish/publish-fleet.ts';

const { signal } = new AbortController();
// A place of its own: other tests pack directories at the same time.
const scratch = temporaryDirectory();
process.env.TMPDIR = scratch;

describe('an artifact', () => {
  test('is read in chunks that have the digests of its manifest', async () => {
    const file = join(temporaryDirectory(), 'dist.tar.gz');
    const packed = await writeArtifact(file, 600_000);
    const artifact = await openArtifact(file, undefined, signal);
    const chunks = [await artifact.chunk(0), await artifact.chunk(1), await artifact.chunk(2)];
    assert.deepEqual(Buffer.concat(chunks), packed);
    assert.deepEqual(artifact.manifest, Buffer.concat(chunks.map(sha256)));
    assert.deepEqual(artifact.sha256, sha256(packed));
    await artifact.close();
  });

  test('is not sent if it changes while it is published', async () => {
    const file = join(temporaryDirectory(), 'dist.tar.gz');
    const packed = await writeArtifact(file, 600_000);
    const artifact = await openArtifact(file, undefined, signal);
    packed[300_000] = (packed[300_000] ?? 0) ^ 1;
    await writeFile(file, packed);
    await artifact.chunk(0);
    await assert.rejects(artifact.chunk(1), { code: 'bad-publication', message: /changed while it was published/ });
    await artifact.close();
  });

  test('is refused here if the nodes would refuse it: empty, not packed, or with another sum', async () => {
    const file = join(temporaryDirectory(), 'dist.tar.gz');
    const open = (expected?: string) => openArtifact(file, expected, signal);
    await assert.rejects(open(), { code: 'bad-publication', message: /no such file/ });
    await writeFile(file, '');
    await assert.rejects(open(), { code: 'bad-publication', message: /is empty/ });
    await truncate(file, largestArtifact + 1);
    await assert.rejects(open(), { code: 'artifact-too-large' });
    await writeFile(file, 'PK.zip');
    await assert.rejects(open(), { code: 'bad-archive', hint: /tar -czf/ });
    await writeFile(file, Buffer.from([0x1f]));
    await assert.rejects(open(), { code: 'bad-archive' });
    const sum = sha256(await writeArtifact(file, 1000)).toString('hex');
    const other = 'a'.repeat(64);
    await assert.rejects(open(other), { code: 'bad-checksum', message: new RegExp(`sum ${sum}, not ${other}`) });
    await (await open(sum)).close();
  });

  test('has the sum that the file of sums beside it names, if there is one', async () => {
    const file = join(temporaryDirectory(), 'dist.tar.gz');
    const sum = sha256(await writeArtifact(file, 1000)).toString('hex');
    const other = 'a'.repeat(64);
    const openWith = async (sums: string) => {
      await writeFile(`${file}.sha256`, sums);
      await (await openArtifact(file, undefined, signal)).close();
    };
    for (const sums of [`${sum}\n`, `${other}  other.tar.gz\r\n${sum} *build/dist.tar.gz\r\n`, `${sum}  dist.tar.gz`]) {
      await openWith(sums);
    }
    await assert.rejects(openWith(`${other}  dist.tar.gz\n`), { code: 'bad-checksum', message: /, not a{64}$/ });
    for (const sums of ['', `${sum}  other.tar.gz\n`, 'no sums\n']) {
      await assert.rejects(
        openWith(sums),
        { code: 'bad-checksum', message: /has no SHA-256 sum of dist\.tar\.gz$/ },
        sums,
      );
    }
    await (await openArtifact(file, sum, signal)).close();
  });

  test('is the same for the same directory, without its owners, times and modes', async () => {
    const pack = async (mode: number) => {
      const directory = join(temporaryDirectory(), 'build');
      await mkdir(join(directory, 'bin'), { recursive: true });
      await writeFile(join(directory, 'bin/run'), 'run', { mode: 0o700 | mode });
      await writeFile(join(directory, 'a.html'), 'hello', { mode: 0o600 | mode });
      await symlink('a.html', join(directory, 'b.html'));
      const artifact = await openArtifact(directory, undefined, signal);
      const packed = await artifact.chunk(0);
      await artifact.close();
      return packed;
    };
    const packed = await pack(0);
    assert.deepEqual(await pack(0o055), packed);
    const list = execFileSync('tar', ['-tvz', '--numeric-owner', '--utc', '--full-time'], { input: packed }).toString();
    assert.deepEqual(
      list
        .trimEnd()
        .split('\n')
        .map((line) => line.replaceAll(/ +/g, ' ')),
      [
        '-rw-r--r-- 0/0 5 1980-01-01 00:00:00 a.html',
        'lrwxrwxrwx 0/0 0 1980-01-01 00:00:00 b.html -> a.html',
        'drwxr-xr-x 0/0 0 1980-01-01 00:00:00 bin/',
        '-rwxr-xr-x 0/0 3 1980-01-01 00:00:00 bin/run',
      ],
    );
  });

  test('leaves nothing behind if it is made from a directory, whether it could be packed or not', async () => {
    const directory = join(scratch, 'build');
    await mkdir(directory);
    await assert.rejects(openArtifact(directory, undefined, signal), { code: 'bad-publication', message: /is empty/ });
    await mkdir(join(directory, 'run'));
    await writeFile(join(directory, 'index.html'), 'hello');
    await symlink('nowhere', join(directory, 'dangling'));
    await (await openArtifact(directory, undefined, signal)).close();
    execFileSync('mkfifo', [join(directory, 'run/pipe')]);
    const special = openArtifact(directory, undefined, signal);
    await assert.rejects(special, {
      code: 'bad-publication',
      message: /run\/pipe is not a file, a directory or a symbolic link/,
    });
    await assert.rejects(openArtifact(directory, undefined, AbortSignal.abort()), { code: 'cancelled' });
    assert.deepEqual(
      (await readdir(scratch)).filter((name) => name.startsWith('mco-deploy-publish-')),
      [],
    );
  });
});
