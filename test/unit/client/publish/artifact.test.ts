import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openArtifact } from '../../../../src/client/publish/artifact.ts';
import { sha256 } from '../../../../src/core/publish/chunks.ts';
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
