import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  certificateReason,
  type HostInspection,
  type Installed,
  judgeHost,
} from '../../../../src/client/install/inspect.ts';
import { planFiles } from '../../../../src/client/install/files/plan-files.ts';
import type { Program } from '../../../../src/client/install/program.ts';
import { sumOf } from '../../../../src/core/node-files/list.ts';
import { formatManifest, parseManifest } from '../../../../src/core/node-files/manifest.ts';
import { makeChainedFleet } from '../../../support/fleet/chain.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';

const program: Program = { form: 'binary', file: '', size: 100, sha256: 'a', machine: 'x86_64', version: '' };
const directories = ['/usr/local/bin', '/etc/mco-deploy'];
const good: HostInspection = {
  system: 'Linux',
  machine: 'x86_64',
  ahead: 0,
  systemd: true,
  root: false,
  sudo: true,
  writable: new Set(directories),
  free: 1000,
};

describe('the check of a host for installation', () => {
  test('needs root only if root is necessary', () => {
    assert.equal(judgeHost(good, program, directories).asRoot, false);
    assert.equal(judgeHost({ ...good, writable: new Set() }, program, directories).asRoot, true);
    assert.equal(judgeHost({ ...good, root: true }, program, directories).asRoot, false);
    assert.equal(judgeHost(good, { ...program, form: 'package' }, directories).asRoot, true);
  });

  test('a clock that is slightly off causes a warning, one that is far off a refusal', () => {
    assert.match(judgeHost({ ...good, ahead: 30_000 }, program, directories).warnings[0] ?? '', /30 seconds ahead/);
    for (const ahead of [-3600_000, 3 * 365 * 86_400_000, Number.NaN]) {
      assert.throws(() => judgeHost({ ...good, ahead }, program, directories), { code: 'clock-off' });
    }
  });

  test('a host without Linux is refused with that reason', () => {
    assert.throws(() => judgeHost({ ...good, system: 'Darwin' }, program, directories), { code: 'wrong-system' });
  });
});

test('a certificate is issued again when it is missing, has another name or CA, or ends soon', async () => {
  await using fleet = await makeFleet();
  const node = await fleet.node('dev1.devco.net');
  const soon = await fleet.node('dev2.devco.net', { notAfter: Date.now() + 86_400_000 });
  await using other = await makeFleet();
  const foreign = await other.node('dev1.devco.net');
  const at = (certificate: string, key = true) => ({ certificate, key, ca: '', sums: [] }) as unknown as Installed;
  const why = (installed: Installed, name: string) =>
    certificateReason(installed, name, { pem: fleet.caPem, realm: 'devco.net' }, Date.now());
  assert.equal(why(at(node.certificatePem), 'dev1.devco.net'), undefined);
  assert.equal(why(at(node.certificatePem), 'dev9.devco.net'), 'is of dev1.devco.net');
  assert.equal(why(at(node.certificatePem, false), 'dev1.devco.net'), 'has no key yet');
  assert.equal(why(at(''), 'dev1.devco.net'), 'has none yet');
  assert.equal(why(at('rubbish'), 'dev1.devco.net'), 'cannot be read');
  assert.equal(why(at(soon.certificatePem), 'dev2.devco.net'), 'ends soon');
  assert.equal(why(at(foreign.certificatePem), 'dev1.devco.net'), 'is of another CA');
});

test('a node whose file contains its chain keeps its certificate if only the root is trusted', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mco-inspect-'));
  try {
    const { holder, first, root } = await makeChainedFleet(directory);
    const files = await holder('node', 'dev1.devco.net', first);
    const certificate = await readFile(files.certificate, 'utf8');
    const installed = { certificate, key: true, ca: '', sums: [] } as unknown as Installed;
    const authorities = { pem: root.certificate.toString(), realm: 'devco.net' };
    assert.equal(certificateReason(installed, 'dev1.devco.net', authorities, Date.now()), undefined);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('replaces files that others did not change, keeps the others, and removes those no longer declared', () => {
  const file = (path: string, theirs: boolean) => ({ path, content: 'new', mode: 0o644, theirs });
  const files = [file('/a', true), file('/b', true), file('/c', false), file('/d', false), file('/e', true)];
  const state = (text: string) => ({ sum: text === '' ? '' : sumOf(text), text });
  const states = new Map(
    Object.entries({
      '/a': 'theirs',
      '/b': '',
      '/c': 'old',
      '/d': 'new',
      '/e': 'old',
      '/f': 'old',
      '/g': 'theirs',
      '/x': 'old',
    }).map(([path, text]) => [path, state(text)]),
  );
  const before = formatManifest({ '/e': sumOf('old'), '/f': sumOf('old'), '/g': sumOf('old'), '/x': sumOf('old') });
  const plan = (replace: boolean) => {
    const { write, remove, kept, manifest } = planFiles(files, states, before, {
      replace,
      own: (path) => path !== '/x',
    });
    assert.equal(parseManifest(manifest ?? '')['/x'], sumOf('old'), 'a path that is not its own stays as it was');
    return { write: write.map(({ path }) => path), remove, kept };
  };
  assert.deepEqual(plan(false), { write: ['/b', '/c', '/e'], remove: ['/f'], kept: ['/a', '/g'] });
  assert.deepEqual(plan(true), { write: ['/a', '/b', '/c', '/e'], remove: ['/f', '/g'], kept: [] });
});
