import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { verifyArtifact as verify } from '../../../../../src/agents/appmgr/artifact/artifact.ts';
import { hasArtifact, parseSums } from '../../../../../src/agents/appmgr/artifact/locate.ts';
import { type ArtifactSource, locationOf, withSuffix } from '../../../../../src/agents/appmgr/artifact/source.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { openFiles } from '../../../../support/faults/open-files.ts';
import { release, testApplication } from '../../../../support/agents/appmgr/application.ts';

const signal = new AbortController().signal;

/** A place for the copy. */
const fresh = () => join(temporaryDirectory(), 'copy');

function source() {
  const application = testApplication();
  application.publish('20', release('20'));
  const of: ArtifactSource = {
    application: 'app',
    artifacts: application.artifacts,
    download: { timeout: 1, max_size: 1 },
    signers: [],
  };
  return { ...application, of, file: join(application.artifacts, 'app-20.tar.gz') };
}

describe('an artifact', () => {
  test('is accepted when its sum matches', async () => {
    const { of } = source();
    const artifact = await verify(of, '20', fresh(), signal);
    await artifact.handle.close();
    assert.match(artifact.sha256, /^[0-9a-f]{64}$/);
  });

  test('is refused when its sum does not match', async () => {
    const { of, file } = source();
    appendFileSync(file, 'x');
    const copy = fresh();
    await assert.rejects(verify(of, '20', copy, signal), { code: 'bad-checksum' });
    assert.deepEqual([openFiles(copy), openFiles(file)], [[], []]);
  });

  test('is refused when its sum matches but for its first or its last digit', async () => {
    const { of, file } = source();
    const sums = readFileSync(`${file}.sha256`, 'utf8');
    const other = (digit: string) => (digit === '0' ? '1' : '0');
    for (const pattern of [/^./, /(?<=^[0-9a-f]{63})./]) {
      writeFileSync(`${file}.sha256`, sums.replace(pattern, other));
      await assert.rejects(verify(of, '20', fresh(), signal), { code: 'bad-checksum' }, String(pattern));
    }
  });

  test('is not copied where it would fill the disk', async (t) => {
    const { of, file } = source();
    const { size } = statSync(file);
    let free = 0;
    t.mock.method(fs, 'statfs', async () => ({ bavail: free, bfree: free + size, bsize: 1 }));
    syncBuiltinESMExports();
    try {
      free = size - 1;
      const copy = fresh();
      await assert.rejects(verify(of, '20', copy, signal), { code: 'no-space' });
      assert.equal(existsSync(copy), false);
      free = size;
      await (await verify(of, '20', copy, signal)).handle.close();
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  test('is read from a copy without a name, which later writes to the original do not change', async () => {
    const { of, file } = source();
    const published = readFileSync(file);
    const artifact = await verify(of, '20', fresh(), signal);
    writeFileSync(file, Buffer.alloc(published.length));
    const { buffer } = await artifact.handle.read(Buffer.alloc(published.length), 0, published.length, 0);
    assert.deepEqual(buffer, published);
    assert.equal((await artifact.handle.stat()).nlink, 0);
    await artifact.handle.close();
  });

  test('is copied into a new file only, never into one that is there or that a link names', async () => {
    const { of } = source();
    const copy = fresh();
    const other = `${copy}-other`;
    writeFileSync(other, 'of somebody else');
    symlinkSync(other, copy);
    await assert.rejects(verify(of, '20', copy, signal), (error: Error) => /EEXIST|exists/.test(String(error)));
    assert.equal(readFileSync(other, 'utf8'), 'of somebody else');
  });

  test('is unknown when it or its sum is missing', async () => {
    const { of, file } = source();
    await assert.rejects(verify(of, '30', fresh(), signal), { code: 'unknown-revision' });
    renameSync(`${file}.sha256`, `${file}.gone`);
    await assert.rejects(verify(of, '20', fresh(), signal), { code: 'unknown-revision' });
    assert.equal(await hasArtifact(of, '20', signal), false);
  });

  test('is refused when it is a symbolic link or a directory', async () => {
    const { of, file, artifacts } = source();
    renameSync(file, join(artifacts, 'real'));
    symlinkSync('real', file);
    await assert.rejects(verify(of, '20', fresh(), signal), { code: 'bad-artifact' });
    assert.equal(await hasArtifact(of, '20', signal), false);
    mkdirSync(join(artifacts, 'app-30.tar.gz'));
    const sums = readFileSync(`${file}.sha256`, 'utf8').replace('app-20', 'app-30');
    writeFileSync(join(artifacts, 'app-30.tar.gz.sha256'), sums);
    await assert.rejects(verify(of, '30', fresh(), signal), { code: 'bad-artifact' });
  });

  test('is not searched outside its directory', async () => {
    const { of } = source();
    for (const revision of ['../20', '-x', '.x', 'a/b', 'a\nb', 'a\0b', '']) {
      await assert.rejects(verify(of, revision, fresh(), signal), { code: 'bad-revision' }, JSON.stringify(revision));
    }
  });

  test('is at the configured path, which a revision cannot leave', () => {
    const at = (artifacts: string, revision: string) => locationOf({ ...source().of, artifacts }, revision);
    assert.equal(at('/srv/a', '1.0+b').at, '/srv/a/app-1.0+b.tar.gz');
    assert.equal(at('/srv/{application}/{revision}.tgz', '20').at, '/srv/app/20.tgz');
    const url = at('https://x:8443/{revision}/app-{revision}.tar.gz?t=1', '1.0+b~c');
    assert.deepEqual([url.at, url.name], ['https://x:8443/1.0%2Bb~c/app-1.0%2Bb~c.tar.gz?t=1', 'app-1.0+b~c.tar.gz']);
    assert.equal(withSuffix(url, '.sha256').at, 'https://x:8443/1.0%2Bb~c/app-1.0%2Bb~c.tar.gz.sha256?t=1');
    for (const revision of ['../x', '%2e%2e', 'a/b', 'a?b', 'a#b', '']) {
      assert.throws(() => at('https://x/{revision}.tgz', revision), { code: 'bad-revision' }, revision);
    }
    assert.throws(() => at('https://x:99999/{revision}', '1'), { code: 'bad-artifact' });
  });

  test('has a sum that is found by its name in a list of several', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    assert.equal(parseSums(`${a}  app-1.tar.gz\n${b} *app-2.tar.gz\r\n`, 'app-2.tar.gz', 'sums'), b);
    for (const text of ['', `${a}\n`, `${a}  other\n`, `${a.slice(1)}  app-2.tar.gz\n`, `${a}  x/app-2.tar.gz`]) {
      assert.throws(() => parseSums(text, 'app-2.tar.gz', 'sums'), { code: 'bad-checksum' });
    }
  });

  test('has a sum file that is read up to a limit', async () => {
    const { of, file } = source();
    writeFileSync(`${file}.sha256`, 'x'.repeat(10_000_000));
    await assert.rejects(verify(of, '20', fresh(), signal), { code: 'bad-checksum' });
  });
});
