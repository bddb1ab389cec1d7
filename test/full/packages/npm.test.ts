import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleProgram } from '../../../build/bundle/bundle-program.ts';
import { makeNpmPackage } from '../../../build/npm/package.ts';
import { runProgram } from '../../support/program/run-program.ts';

describe('the npm package, installed with npm into an empty prefix', () => {
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-npm-'));
    const work = join(directory, 'work');
    await mkdir(work);
    await bundleProgram(join(directory, 'parts'), '1.2.3', '', true);
    file = join(directory, 'mco-deploy-1.2.3.tgz');
    await makeNpmPackage({ parts: join(directory, 'parts'), version: '1.2.3', licences: 'none', work, file });
    // It needs no registry: there is nothing to fetch beside it.
    const words = [
      'install',
      '--global',
      '--offline',
      '--no-audit',
      '--no-fund',
      '--prefix',
      join(directory, 'prefix'),
      file,
    ];
    const { code, err } = await runProgram('npm', words, { env: environment(directory) });
    assert.equal(code, 0, err);
  });
  after(() => rm(directory, { recursive: true }));

  /** A home of its own, and the Node that runs this first in the path. */
  const environment = (home: string) => ({
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: home,
  });
  const installed = (...words: string[]) =>
    runProgram(join(directory, 'prefix/bin/mco-deploy'), words, { env: environment(directory) });

  test('runs as a command, with the packed version', async () => {
    const { code, out, err } = await installed('--version');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^mco-deploy 1\.2\.3 /);
  });

  test('creates an authority and reports what a client needs, so all its parts are there', async () => {
    const realm = await installed('ca', 'init', '--realm', 'devco.net', '--dir', join(directory, 'ca'));
    assert.equal(realm.code, 0, realm.err);
    const { code, err } = await installed('ping');
    assert.equal(code, 64);
    assert.match(err, /certificate|credentials|client\.yaml/);
    assert.doesNotMatch(err, /Cannot find module|node:internal/);
  });

  test('prints what it needs in one line on an older Node.js', async () => {
    const older = join(directory, 'older.cjs');
    await writeFile(older, "Object.defineProperty(process.versions, 'node', { value: '20.11.0' });\n");
    const place = join(directory, 'prefix/lib/node_modules/mco-deploy/bin/mco-deploy.cjs');
    const { code, out, err } = await runProgram(process.execPath, ['--require', older, place, '--version'], {
      env: environment(directory),
    });
    assert.deepEqual([code, out], [69, '']);
    assert.match(err, /^mco-deploy: Node\.js 20\.11\.0 is too old: install Node\.js 24 or newer, .*\n$/);
  });

  test('has no dependency, no install script and no native part, and names the required Node.js', async () => {
    const place = join(directory, 'prefix/lib/node_modules/mco-deploy');
    const manifest = JSON.parse(await readFile(join(place, 'package.json'), 'utf8'));
    assert.deepEqual(manifest.engines, { node: '>=24' });
    for (const key of ['dependencies', 'optionalDependencies', 'scripts']) assert.equal(manifest[key], undefined, key);
    const { out } = await runProgram('find', [place, '-name', '*.node', '-o', '-name', '*.so']);
    assert.equal(out, '');
  });
});
