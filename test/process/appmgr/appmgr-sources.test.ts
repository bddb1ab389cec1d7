import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { release, testApplication } from '../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';
import { type ArtifactServer, startArtifactServer } from '../../support/agents/appmgr/artifact-server.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

/** Releases 10 and 20 on a server; the agent trusts its CA. */
async function served(download: object = {}, more: object = {}) {
  const application = testApplication();
  for (const revision of ['10', '20']) application.publish(revision, release(revision));
  const server = await startArtifactServer(application.artifacts);
  stops.push(server.stop);
  const config = application.config({
    artifacts: `${server.url}/files/app-{revision}.tar.gz?token=x`,
    download: { ca: server.ca, timeout: 5, ...download },
    ...more,
  });
  return { application, server, ...(await appmgrOn(config)) };
}

const tidy = ({ root }: { root: string }) => assert.deepEqual(readdirSync(join(root, '.staging')), []);
const isArtifact = (path: string) => /\.tar\.gz\?/.test(path);

describe('artifacts on an https server', () => {
  test('are fetched, verified, unpacked and activated', async () => {
    const { application, server, upgrade, status } = await served();
    assert.deepEqual(await upgrade({ revision: '10' }), {
      application: 'app',
      revision: '10',
      previous: '',
      changed: true,
    });
    assert.deepEqual(server.asked, ['/files/app-10.tar.gz.sha256?token=x', '/files/app-10.tar.gz?token=x']);
    assert.equal((await status({ revision: '20' })).has_revision, true);
    assert.equal((await status({ revision: '30' })).has_revision, false);
    await assert.rejects(upgrade({ revision: '30' }), { code: 'unknown-revision' });
    assert.equal(application.served(), 'revision 10');
    tidy(application);
  });

  test('are activated while the server is down if they were fetched before', async () => {
    const { application, server, upgrade, fetch, status } = await served();
    await upgrade({ revision: '10' });
    assert.equal((await fetch({ revision: '20' }, { dryRun: true })).changed, true);
    assert.deepEqual(readdirSync(join(application.root, 'releases')).sort(), ['.10.json', '10']);
    assert.deepEqual(await fetch({ revision: '20' }), { application: 'app', revision: '20', changed: true });
    assert.equal(application.served(), 'revision 10');
    assert.equal((await fetch({ revision: '20' })).changed, false);
    await server.stop();
    assert.equal((await status({ revision: '20' })).has_revision, true);
    assert.equal((await upgrade({ revision: '20' })).previous, '10');
    assert.equal(application.served(), 'revision 20');
  });

  test('are fetched again if they were published again, unless they serve', async () => {
    const { application, fetch, upgrade } = await served();
    await fetch({ revision: '20' });
    application.publish('20', release('twenty'));
    assert.equal((await fetch({ revision: '20' })).changed, true);
    await upgrade({ revision: '20' });
    assert.equal(application.served(), 'revision twenty');
    application.publish('20', release('another'));
    await assert.rejects(fetch({ revision: '20' }), { code: 'revision-changed' });
  });

  test('are looked up in a dry run, but not downloaded', async () => {
    const { application, server, upgrade } = await served();
    server.answer('app-20.tar.gz', (response) => response.writeHead(403).end());
    assert.equal((await upgrade({ revision: '10' }, { dryRun: true })).changed, true);
    await assert.rejects(upgrade({ revision: '20' }, { dryRun: true }), {
      code: 'bad-artifact',
      message: /status 403/,
    });
    rmSync(join(application.artifacts, 'app-10.tar.gz'));
    await assert.rejects(upgrade({ revision: '10' }, { dryRun: true }), { code: 'unknown-revision' });
    assert.deepEqual(readdirSync(application.root), []);
  });
});

describe('unusable artifacts on an https server', () => {
  const wrong: [string, string, object, (server: ArtifactServer) => void][] = [
    [
      'with another content than was published',
      'bad-checksum',
      {},
      (server) => server.answer('app-20.tar.gz', (response, bytes) => response.end(bytes.subarray(1))),
    ],
    [
      'that never end',
      'artifact-too-large',
      { max_size: 100_000 },
      (server) =>
        server.answer('app-20.tar.gz', (response) => {
          const more = () => response.destroyed || response.write(Buffer.alloc(65_536), more);
          more();
        }),
    ],
    ['that are larger than allowed', 'artifact-too-large', { max_size: 10 }, () => {}],
    [
      'that break off',
      'artifacts-unreachable',
      {},
      (server) =>
        server.answer('app-20.tar.gz', (response, bytes) => {
          response.setHeader('content-length', bytes.length);
          response.write(bytes.subarray(0, 50), () => response.destroy());
        }),
    ],
    [
      'that do not come in time',
      'artifacts-unreachable',
      { timeout: 0.5 },
      (server) => server.answer('app-20.tar.gz', (response) => response.write('x')),
    ],
    [
      'that are elsewhere',
      'bad-artifact',
      {},
      (server) => server.answer('app-20.tar.gz', (response) => response.writeHead(302, { location: '/x' }).end()),
    ],
  ];

  for (const [what, code, download, spoil] of wrong) {
    test(`${what} are refused, and the old release keeps serving`, async () => {
      const { application, server, upgrade } = await served(download);
      const local = await appmgrOn(application.config());
      await local.upgrade({ revision: '10' });
      spoil(server);
      await assert.rejects(upgrade({ revision: '20' }), { code });
      assert.equal(application.served(), 'revision 10');
      assert.deepEqual(readdirSync(join(application.root, 'releases')).sort(), ['.10.json', '10']);
      tidy(application);
    });
  }

  test('are not fetched from a server that is not trusted, or down', async () => {
    const { server, upgrade, status } = await served({ ca: '/nonexistent/ca.crt' });
    await assert.rejects(upgrade({ revision: '20' }), {
      code: 'artifacts-unreachable',
      message: /ca\.crt cannot be read/,
    });
    const stranger = testApplication();
    const config = stranger.config({ artifacts: `${server.url}/app-{revision}.tar.gz` });
    await assert.rejects((await appmgrOn(config)).upgrade({ revision: '20' }), { code: 'artifacts-unreachable' });
    assert.ok(!server.asked.some(isArtifact));
    await server.stop();
    await assert.rejects(status({ revision: '20' }), { code: 'artifacts-unreachable' });
  });
});

describe('artifacts at a configured file path', () => {
  test('are found by revision and application', async () => {
    const application = testApplication();
    application.publish('1.10', release('1.10'));
    const { upgrade } = await appmgrOn(
      application.config({ artifacts: join(application.artifacts, '{application}-{revision}.tar.gz') }),
    );
    await upgrade({ revision: '1.10' });
    assert.equal(application.served(), 'revision 1.10');
    await assert.rejects(upgrade({ revision: '1.1' }), { code: 'unknown-revision' });
  });
});

describe('artifacts that must be signed', () => {
  function signer(directory: string, name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const file = join(directory, `${name}.pub`);
    writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
    return { file, sign: (text: Buffer) => sign(null, text, privateKey) };
  }

  test('are accepted only with a signature of one of the signers', async () => {
    const application = testApplication();
    const directory = temporaryDirectory();
    for (const revision of ['10', '20']) application.publish(revision, release(revision));
    const [alice, bob, mallory] = ['alice', 'bob', 'mallory'].map((name) => signer(directory, name));
    assert.ok(alice && bob && mallory);
    const sums = (revision: string) => join(application.artifacts, `app-${revision}.tar.gz.sha256`);
    const signWith = (one: typeof alice, revision: string) => one.sign(readFileSync(sums(revision)));
    const { upgrade } = await appmgrOn(application.config({ signers: [alice.file, bob.file] }));

    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-signature', message: /is not signed/ });
    writeFileSync(`${sums('10')}.sig`, signWith(bob, '10'));
    await upgrade({ revision: '10' });
    writeFileSync(`${sums('20')}.sig`, signWith(mallory, '20'));
    await assert.rejects(upgrade({ revision: '20' }), { code: 'bad-signature' });
    writeFileSync(`${sums('20')}.sig`, signWith(alice, '10'));
    await assert.rejects(upgrade({ revision: '20' }, { dryRun: true }), { code: 'bad-signature' });
    writeFileSync(`${sums('20')}.sig`, 'x'.repeat(100_000));
    await assert.rejects(upgrade({ revision: '20' }), { code: 'bad-signature' });
    assert.equal(existsSync(join(application.root, 'releases', '20')), false);
    writeFileSync(`${sums('20')}.sig`, `${signWith(alice, '20').toString('base64')}\n`);
    await upgrade({ revision: '20' });
    assert.equal(application.served(), 'revision 20');
  });

  test('are refused while a signer’s key is missing or invalid', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    const file = join(temporaryDirectory(), 'key');
    const { upgrade } = await appmgrOn(application.config({ signers: [file] }));
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-key' });
    writeFileSync(file, 'hello');
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-key', message: /not a public key/ });
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-key', message: /not an Ed25519 key/ });
  });
});
