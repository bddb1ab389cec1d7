import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeImage } from '../../../build/oci/image.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const binary = builtProgram();

describe('the image of the client for CI jobs', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-image-'));
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const work = join(directory, 'work');
    await mkdir(work);
    const options = { binary, architecture, version: '1.2.3', date: 1_700_000_000, work } as const;
    await makeImage({ ...options, directory: join(directory, 'image') });
  });
  after(() => rm(directory, { recursive: true }));

  test('is an OCI image layout that skopeo reads', async () => {
    const { code, out, err } = await runProgram('skopeo', ['inspect', '--config', `oci:${directory}/image:1.2.3`]);
    assert.equal(code, 0, err);
    const { os, created, config } = JSON.parse(out);
    assert.deepEqual([os, created, config.User], ['linux', '2023-11-14T22:13:20Z', '1001']);
    assert.equal(config.Labels['org.opencontainers.image.version'], '1.2.3');
    // skopeo checks each digest as it copies.
    const copied = await runProgram('skopeo', ['copy', `oci:${directory}/image:1.2.3`, `dir:${directory}/copy`]);
    assert.equal(copied.code, 0, copied.err);
  });

  test('runs the program as an unprivileged user that can write its home, and has a shell', async () => {
    const unpacked = await runProgram('umoci', [
      'unpack',
      '--image',
      `${directory}/image:1.2.3`,
      `${directory}/bundle`,
    ]);
    assert.equal(unpacked.code, 0, unpacked.err);
    const script = 'id -u && mco-deploy --version && echo hello >"$HOME/file" && date -d @0 +%Y';
    const words = ['--userspec=1001:1001', `${directory}/bundle/rootfs`, '/bin/sh', '-euc', script];
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/home/mco-deploy' };
    const { code, out, err } = await runProgram('chroot', words, { env });
    assert.equal(code, 0, err);
    assert.match(out, /^1001\nmco-deploy .*\n1970\n$/);
  });
});
