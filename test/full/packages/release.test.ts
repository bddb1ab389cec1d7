import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleProgram } from '../../../build/bundle/bundle-program.ts';
import { bundledPackages } from '../../../build/contents/packages.ts';
import { licencesOf, sbomOf } from '../../../build/contents/sbom.ts';
import { publicPem, writeSums } from '../../../build/sums.ts';
import { runProgram } from '../../support/program/run-program.ts';

describe('a release', () => {
  let dir: string;
  let contents: Awaited<ReturnType<typeof bundleProgram>>;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = publicPem(privateKey);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mco-release-'));
    contents = await bundleProgram(join(dir, 'bundle'), '1.2.3', pem);
  });
  after(() => rm(dir, { recursive: true }));

  const program = (...words: string[]) =>
    runProgram(process.execPath, [join(dir, 'bundle/main.cjs'), ...words], { cwd: dir });
  const listOf = async (directory: string) => {
    const names = (await readdir(directory)).sort();
    return await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const));
  };

  test('has the same bundle, byte for byte, when it is built again elsewhere', async () => {
    const other = await mkdtemp(join(tmpdir(), 'mco-other-'));
    try {
      await bundleProgram(join(other, 'parts'), '1.2.3', pem);
      assert.deepEqual(await listOf(join(other, 'parts')), await listOf(join(dir, 'bundle')));
    } finally {
      await rm(other, { recursive: true });
    }
  });

  test('reports its version, commit and runtime', async () => {
    const { out } = await program('--version');
    assert.match(
      out,
      new RegExp(
        `^mco-deploy 1\\.2\\.3 \\(([0-9a-f]{12}\\+?|from source), Node\\.js ${process.versions.node}\\)$`,
        'm',
      ),
    );
  });

  test('names in its SBOM each package with version, licence and digest, and the runtime', async () => {
    const packages = await bundledPackages(contents);
    const facts = { version: '1.2.3', date: 1_800_000_000, packages, runtime: process.versions };
    const bom = JSON.parse(sbomOf(facts));
    assert.equal(sbomOf(facts), sbomOf(facts));
    assert.deepEqual([bom.bomFormat, bom.specVersion], ['CycloneDX', '1.6']);
    assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const names = bom.components.map(({ name }: { name: string }) => name);
    for (const name of ['@grpc/grpc-js', 'commander', 'protobufjs', 'node']) assert.ok(names.includes(name), name);
    // Tools that build it are not in it.
    for (const name of ['esbuild', 'typescript', 'postject']) assert.ok(!names.includes(name), name);
    for (const one of bom.components) assert.ok(one.version !== '' && one.licenses.length === 1, one.name);
    const text = licencesOf(packages, process.versions.node, 'the licence of the runtime');
    for (const { name, version } of packages) assert.ok(text.includes(`${name} ${version} (`), name);
    assert.match(text, /the licence of the runtime/);
  });

  describe('a release checked by “mco-deploy verify”', () => {
    before(async () => {
      await writeFile(join(dir, 'one'), 'one');
      await writeFile(join(dir, 'two'), 'two');
      await writeSums(dir, ['one', 'two'], privateKey);
    });

    test('is valid by the key in the program or by a named one, and for other tools, too', async () => {
      const { code, out } = await program('verify', 'one', 'two');
      assert.deepEqual({ code, out }, { code: 0, out: 'one: as released\ntwo: as released\n' });
      await writeFile(join(dir, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
      const { out: json } = await program('verify', '--key', 'key.pem', '--json', 'two');
      assert.deepEqual(JSON.parse(json), [{ file: 'two', verdict: 'ok' }]);
      assert.equal((await runProgram('sha256sum', ['--check', 'SHA256SUMS'], { cwd: dir })).code, 0);
      const openssl = [
        'pkeyutl',
        '-verify',
        '-rawin',
        '-pubin',
        '-inkey',
        'key.pem',
        '-in',
        'SHA256SUMS',
        '-sigfile',
        'SHA256SUMS.sig',
      ];
      assert.equal((await runProgram('openssl', openssl, { cwd: dir })).code, 0);
    });

    test('reports a changed file, and one that the list does not name', async () => {
      await writeFile(join(dir, 'two'), 'two, and more');
      await writeFile(join(dir, 'three'), 'three');
      const { code, out } = await program('verify', 'one', 'two', 'three');
      assert.equal(code, 2);
      assert.match(out, /one: as released\ntwo: NOT as released.*\nthree: NOT named/);
    });

    test('trusts nothing in a list that was changed, or that another key signed', async () => {
      const { privateKey: other } = generateKeyPairSync('ed25519');
      await mkdir(join(dir, 'forged'));
      await writeFile(join(dir, 'forged/one'), 'mine');
      await writeSums(join(dir, 'forged'), ['one'], other);
      const forged = await program('verify', 'forged/one');
      assert.deepEqual([forged.code, forged.out], [64, '']);
      assert.match(forged.err, /SHA256SUMS does not match its signature by this key/);
      await writeSums(dir, ['one', 'two'], privateKey);
      await writeFile(join(dir, 'SHA256SUMS'), `${await readFile(join(dir, 'SHA256SUMS'), 'utf8')}\n`);
      assert.match(
        (await program('verify', 'one')).err,
        /SHA256SUMS does not match its signature by this key: download both again from where releases are published/,
      );
    });

    test('reports a missing key, signature or file', async () => {
      const main = join(import.meta.dirname, '../../../src/main.ts');
      const words = ['--disable-warning=ExperimentalWarning', main, 'verify', 'one'];
      const unkeyed = await runProgram(process.execPath, words, { cwd: dir });
      assert.match(unkeyed.err, /built without the key of the releases: name it with --key FILE/);
      await writeFile(join(dir, 'no.pem'), 'no key');
      assert.match((await program('verify', '--key', 'no.pem', 'one')).err, /no\.pem is not an Ed25519 key/);
      await writeSums(dir, ['one'], undefined);
      assert.match((await program('verify', 'one')).err, /SHA256SUMS\.sig cannot be read/);
      await writeSums(dir, ['one'], privateKey);
      assert.match((await program('verify', 'one', 'none')).err, /none cannot be read/);
    });
  });
});
