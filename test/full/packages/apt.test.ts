import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeRepository } from '../../../build/apt/repository.ts';
import { makePackage } from '../../../build/deb/package.ts';
import { runProgram } from '../../support/program/run-program.ts';

describe('the apt repository', () => {
  let directory: string;
  let repository: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-apt-'));
    repository = join(directory, 'repository');
    // apt's own user reads it.
    await chmod(directory, 0o755);
    const binary = join(directory, 'stand-in');
    await writeFile(binary, '#!/bin/sh\n', { mode: 0o755 });
    const packages: string[] = [];
    for (const architecture of ['amd64', 'arm64'] as const) {
      const work = await mkdtemp(join(directory, 'work-'));
      const file = join(directory, `mco-deploy_0.1.0_${architecture}.deb`);
      const texts = { sbom: '{}', licences: 'none', maintainer: 'A Maintainer <maintainer@devco.net>' };
      const date = 1_700_000_000;
      await makePackage({ ...texts, date, binary, version: '0.1.0', architecture, work, file, compression: 'none' });
      packages.push(file);
    }
    const key = await makeKey(join(directory, 'gpg'));
    const date = 1_700_000_000;
    await makeRepository({ packages, architectures: ['amd64', 'arm64'], key, date, directory: repository });
  });
  after(() => rm(directory, { recursive: true }));

  /** An OpenPGP key of the test's own. @returns the file of its secret half */
  async function makeKey(home: string): Promise<string> {
    await mkdir(home, { mode: 0o700 });
    const gpg = (...words: string[]) => runProgram('gpg', ['--homedir', home, '--batch', ...words]);
    const made = await gpg(
      '--passphrase',
      '',
      '--quick-generate-key',
      'Releases <releases@devco.net>',
      'ed25519',
      'sign',
    );
    assert.equal(made.code, 0, made.err);
    const { out } = await gpg('--armor', '--export-secret-keys');
    await runProgram('gpgconf', ['--homedir', home, '--kill', 'all']);
    await writeFile(`${home}.asc`, out, { mode: 0o600 });
    return `${home}.asc`;
  }

  /** apt with lists, configuration and state of its own, so that the machine's stay as they are. */
  const apt = async (...words: string[]) => {
    const state = join(directory, 'state');
    for (const path of [
      'lists/partial',
      'cache/archives/partial',
      'etc/preferences.d',
      'etc/apt.conf.d',
      'etc/trusted.gpg.d',
    ])
      await mkdir(join(state, path), { recursive: true });
    await writeFile(join(state, 'status'), '');
    await writeFile(
      join(state, 'mco-deploy.sources'),
      `Types: deb\nURIs: file:${repository}\nSuites: stable\nComponents: main\nSigned-By: ${repository}/mco-deploy.asc\n`,
    );
    const settings = [
      `Dir::Etc=${state}/etc`,
      `Dir::Etc::SourceList=${state}/mco-deploy.sources`,
      'Dir::Etc::SourceParts=-',
      `Dir::State=${state}`,
      `Dir::State::Lists=${state}/lists`,
      `Dir::State::Status=${state}/status`,
      `Dir::Cache=${state}/cache`,
      'APT::Sandbox::User=root',
      'APT::Architectures::=amd64',
      'APT::Architectures::=arm64',
    ];
    return runProgram('apt-get', [...settings.flatMap((one) => ['-o', one]), ...words]);
  };

  test('is trusted by its key, and offers the package of each architecture', async () => {
    const { code, out, err } = await apt('update');
    assert.equal(code, 0, out + err);
    assert.doesNotMatch(out + err, /^(W|E):/m);
    for (const architecture of ['amd64', 'arm64']) {
      const found = await apt('download', '--print-uris', `mco-deploy:${architecture}`);
      assert.match(found.out, new RegExp(`mco-deploy_0\\.1\\.0_${architecture}\\.deb`));
    }
  });

  test('is refused once a byte of its index has changed', async () => {
    const index = join(repository, 'dists/stable/InRelease');
    const text = await readFile(index, 'utf8');
    await writeFile(index, text.replace('Origin: mco-deploy', 'Origin: mco-deploi'));
    const { code, out, err } = await apt('update', '--error-on=any');
    await writeFile(index, text);
    assert.notEqual(code, 0);
    assert.match(out + err, /invalid|BADSIG|not signed/i);
  });
});
