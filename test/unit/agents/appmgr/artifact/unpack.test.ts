import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { unpack } from '../../../../../src/agents/appmgr/artifact/unpack.ts';
import { syncDirectory } from '../../../../../src/core/files/durable.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { makeTarGz } from '../../../../support/agents/appmgr/tar-archive.ts';
import { crashAtEachChange } from '../../../../support/faults/crash.ts';
import { recordChanges } from '../../../../support/faults/record-calls.ts';

const entries = [
  { path: './', type: '5', mode: 0o755 },
  { path: 'index.html', content: 'hello' },
  { path: 'assets/', type: '5', mode: 0o750 },
  { path: 'assets/site.css', content: 'x'.repeat(1000), mode: 0o600 },
  { path: 'deep/er/still.txt', content: 'deep' },
  { path: 'same.html', type: '1', target: 'index.html' },
  { path: 'link.html', type: '2', target: 'index.html' },
];
const limits = { maxSize: 1_000_000, maxEntries: 100, outsideLinks: [] };
const { signal } = new AbortController();

let root: string;
let archive: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-unpack-');
  archive = join(temporaryDirectory(), 'archive.tar.gz');
  writeFileSync(archive, makeTarGz(entries));
});
afterEach(() => rmSync(root, { recursive: true }));

async function unpackInto(directory: string): Promise<void> {
  const handle = await open(archive, 'r');
  try {
    await unpack(handle, directory, limits, signal);
  } finally {
    await handle.close();
  }
}

function assertWhole(directory: string): void {
  assert.deepEqual(readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort(), [
    'assets',
    'assets/site.css',
    'deep',
    'deep/er',
    'deep/er/still.txt',
    'index.html',
    'link.html',
    'same.html',
  ]);
  assert.equal(readFileSync(join(directory, 'index.html'), 'utf8'), 'hello');
  assert.equal(readFileSync(join(directory, 'same.html'), 'utf8'), 'hello');
  assert.equal(readFileSync(join(directory, 'assets/site.css'), 'utf8'), 'x'.repeat(1000));
  assert.equal(readFileSync(join(directory, 'deep/er/still.txt'), 'utf8'), 'deep');
  assert.equal(readlinkSync(join(directory, 'link.html')), 'index.html');
  assert.equal(statSync(join(directory, 'assets')).mode & 0o777, 0o750);
  assert.equal(lstatSync(join(directory, 'assets/site.css')).mode & 0o777, 0o600);
}

describe('an unpacked archive', () => {
  test('is on the disk, every file and every name of it, when success is reported', async () => {
    const place = join(root, 'release');
    await crashAtEachChange({
      root,
      kinds: ['power', 'power-names'],
      prepare: () => rmSync(place, { recursive: true, force: true }),
      work: async () => {
        await unpackInto(place);
        await syncDirectory(root);
      },
      check: (_where, done) => {
        if (done) assertWhole(place);
      },
      least: 20,
    });
    assertWhole(place);
  });

  test('gets its symbolic links last: nothing is written through one', async () => {
    const first = [
      { path: 'link.html', type: '2', target: 'index.html' },
      { path: 'shared', type: '2', target: 'assets' },
      ...entries.filter(({ path }) => path !== 'link.html'),
    ];
    writeFileSync(archive, makeTarGz(first));
    const calls = await recordChanges(root, () => unpackInto(join(root, 'release')));
    const kinds = calls.map((call) => call.split(' ')[0] ?? '').filter((kind) => !/sync|chmod|close/.test(kind));
    assert.deepEqual(kinds.slice(-2), ['symlink', 'symlink']);
    assert.equal(kinds.filter((kind) => kind === 'symlink').length, 2);
  });

  test('has each file synced after its last change, and each directory after its last name', async () => {
    const calls = await recordChanges(root, () => unpackInto(join(root, 'release')));
    const after = (first: string, then: string) => {
      const [from, to] = [calls.lastIndexOf(first), calls.indexOf(then)];
      assert.ok(from >= 0 && to > from, `${first} (${from}), ${then} (${to}) in ${calls.join(', ')}`);
    };
    for (const file of ['index.html', 'assets/site.css', 'deep/er/still.txt']) {
      after(`write release/${file}`, `datasync release/${file}`);
    }
    after('open release/index.html', 'sync release/');
    after('link release/same.html', 'sync release/');
    after('symlink release/link.html', 'sync release/');
    after('open release/assets/site.css', 'sync release/assets/');
    after('open release/deep/er/still.txt', 'sync release/deep/er/');
    after('mkdir release/deep/er', 'sync release/deep/');
  });
});
