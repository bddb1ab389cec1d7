import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runInProcess } from '../../support/program/cli.ts';
import { type PublishFleet, startPublishFleet, writeArtifact } from '../../support/publish/publish-fleet.ts';

describe('upgrade --publish', () => {
  let lab: PublishFleet;
  const run = (...words: string[]) =>
    runInProcess(['upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify', ...words], lab.home);

  before(async () => {
    lab = await startPublishFleet(2, {
      node: (index) => (index === 2 ? { policies: { default: 'policy default deny\n' } } : {}),
    });
  });
  after(() => lab[Symbol.asyncDispose]());

  test('needs the application, and --sign needs --publish', async () => {
    const nameless = await run('--publish', 'dist.tar.gz');
    assert.deepEqual([nameless.code, nameless.err.length], [64, 1]);
    assert.match(nameless.err.join(), /--publish needs the name of the application: add --application NAME/);
    const unused = await run('--sign', 'release.key');
    assert.equal(unused.code, 64);
    assert.match(unused.err.join(), /--sign needs --publish/);
  });

  test('starts no upgrade when a server does not accept the artifact', async () => {
    const file = join(lab.fleet.dir, 'dist.tar.gz');
    await writeArtifact(file, 1000);
    const { code, err } = await run('--publish', file, '--application', 'shop');
    assert.equal(code, 2);
    assert.match(err.join('\n'), /dev2\.devco\.net: cert=rip@devco\.net may not publish\.list/);
    assert.match(err.join('\n'), /the upgrade did not start: not every server has the artifact/);
    const asked = (await lab.nodes[0]?.records())?.some((one) => one.kind === 'intent' && one.agent === 'appmgr');
    assert.equal(asked, false);
  });
});

describe('publish over a link that is faster than the node’s limit per caller', () => {
  test('slows down, and delivers everything', async () => {
    const config = 'limits: { rate: 40, burst: 50 }';
    await using lab = await startPublishFleet(1, { node: () => ({ config }) });
    const file = join(lab.fleet.dir, 'dist.tar.gz');
    const packed = await writeArtifact(file, 25_000_000);
    const { code, out, err } = await runInProcess(['publish', 'shop', '20', file, '--json'], lab.home);
    assert.equal(code, 0, err.join('\n'));
    assert.ok(JSON.parse(out.join('\n')).sent < packed.length + 8192);
    const refused = (await lab.nodes[0]?.records())?.length ?? 0;
    assert.ok(refused < 40, `${refused} records`);
  });
});

describe('prune', () => {
  test('removes nothing on a node that does not report its current release', async () => {
    const allow = 'policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\n';
    await using lab = await startPublishFleet(1, { node: () => ({ policies: { publish: allow } }) });
    const file = join(lab.fleet.dir, 'dist.tar.gz');
    await writeArtifact(file, 1000);
    assert.equal((await runInProcess(['publish', 'shop', '20', file], lab.home)).code, 0);
    const { code, err } = await runInProcess(['prune', 'shop', '--keep', '0'], lab.home);
    assert.equal(code, 77);
    assert.match(err.join(), /dev1\.devco\.net: nothing was removed: cert=rip@devco\.net may not appmgr\.releases/);
    const { out } = await runInProcess(['published', '--json'], lab.home);
    assert.equal(JSON.parse(out.join('\n'))[0].published.length, 1);
  });
});
