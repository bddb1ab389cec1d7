import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { linkShared } from '../../../../../src/agents/appmgr/activate/shared-paths.ts';
import type { Layout } from '../../../../../src/agents/appmgr/release/layout.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { watchFileCalls } from '../../../../support/faults/file-calls.ts';
import { recordChanges } from '../../../../support/faults/record-calls.ts';
import { someTurns } from '../../../../support/mock-delays.ts';

/** A root with one release, and what all releases share. */
function estate(...shared: string[]) {
  const root = temporaryDirectory();
  const release = join(root, 'releases/20');
  for (const path of ['releases/20', 'staging', 'shared', ...shared.map((one) => `shared/${one}`)])
    mkdirSync(join(root, path), { recursive: true });
  const layout = { root, staging: join(root, 'staging') } as Layout;
  const link = (...paths: string[]) => linkShared(layout, release, paths);
  const at = (path: string) => join(release, path);
  return { root, link, at, staged: () => readdirSync(join(root, 'staging')) };
}

/** The changes of the disk until the first call of that name, which takes longer than all that does not wait for it. */
async function untilHeld(root: string, held: string, work: () => Promise<void>): Promise<string[]> {
  const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const changes: string[] = [];
  using _watch = watchFileCalls(root, async (call, _args, real) => {
    if (call.changes) changes.push(call.name);
    if (call.name === held) {
      begun.resolve();
      await over.promise;
    }
    return await real();
  });
  const working = work();
  await begun.promise;
  await someTurns();
  const seen = [...changes];
  over.resolve();
  await working;
  return seen;
}

describe('a path that all releases share', () => {
  test('becomes a link in the release, at any depth, with its directories', async () => {
    const { root, link, at } = estate('uploads', 'var/cache/x');
    writeFileSync(join(root, 'shared/uploads/kept'), 'kept');
    await link('uploads', 'var/cache/x');
    assert.equal(readlinkSync(at('uploads')), '../../shared/uploads');
    assert.equal(readlinkSync(at('var/cache/x')), '../../../../shared/var/cache/x');
    assert.equal(readFileSync(at('uploads/kept'), 'utf8'), 'kept');
    assert.ok(existsSync(at('var/cache/x')), 'the link leads somewhere');
  });

  test('replaces the entry of the archive, which is removed', async () => {
    const { link, at, staged } = estate('uploads', 'log');
    mkdirSync(at('uploads/deep'), { recursive: true });
    writeFileSync(at('uploads/deep/file'), '');
    writeFileSync(at('log'), 'a file');
    await link('uploads', 'log');
    assert.ok(lstatSync(at('uploads')).isSymbolicLink() && lstatSync(at('log')).isSymbolicLink());
    assert.deepEqual(staged(), []);
  });

  test('is left unchanged if the link exists already, and corrected if it points elsewhere', async () => {
    const { link, at } = estate('uploads');
    await link('uploads');
    const made = lstatSync(at('uploads'), { bigint: true }).ctimeNs;
    await link('uploads');
    assert.equal(lstatSync(at('uploads'), { bigint: true }).ctimeNs, made);
    const other = estate('uploads');
    symlinkSync('/etc', other.at('uploads'));
    await other.link('uploads');
    assert.equal(readlinkSync(other.at('uploads')), '../../shared/uploads');
  });

  test('is created after the old entry is gone, step by step, and is on the disk at the end', async () => {
    const { root, link, at } = estate('var/cache', 'a/b/c');
    mkdirSync(at('var/cache'), { recursive: true });
    const order = async (path: string) =>
      (await recordChanges(root, () => link(path))).map((call) => call.replace(/-[0-9a-f]{12}/, ''));
    assert.deepEqual(await order('var/cache'), [
      ...['rename staging/replaced', 'rm staging/replaced', 'symlink releases/20/var/cache', 'sync releases/20/var/'],
    ]);
    const made = ['mkdir releases/20/a', 'sync releases/20/', 'mkdir releases/20/a/b', 'sync releases/20/a/'];
    assert.deepEqual(await order('a/b/c'), [...made, 'symlink releases/20/a/b/c', 'sync releases/20/a/b/']);
  });

  test('is refused if the entry of the archive cannot be moved away', async () => {
    const { root, link, at } = estate('uploads');
    rmSync(join(root, 'staging'), { recursive: true });
    writeFileSync(join(root, 'staging'), '');
    mkdirSync(at('uploads'));
    await assert.rejects(link('uploads'), { code: 'ENOTDIR' });
    assert.ok(lstatSync(at('uploads')).isDirectory());
  });

  test('is refused if what is at its place cannot be read: nothing is moved away', async () => {
    const { root, link, at } = estate('uploads');
    mkdirSync(at('uploads'));
    const changes: string[] = [];
    using _watch = watchFileCalls(root, async (call, _args, real) => {
      if (call.changes) changes.push(call.name);
      if (call.name === 'readlink') throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return await real();
    });
    await assert.rejects(link('uploads'), { code: 'EIO' });
    assert.deepEqual(changes, []);
  });

  test('is refused if a directory cannot be created', async () => {
    const { root, link, at } = estate('var/cache');
    using _watch = watchFileCalls(root, async (call, _args, real) => {
      if (call.name === 'mkdir') throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return await real();
    });
    await assert.rejects(link('var/cache'), { code: 'EIO' });
    assert.equal(existsSync(at('var')), false);
  });

  for (const [held, before] of [
    ['rename', []],
    ['rm', ['rename']],
    ['symlink', ['rename', 'rm']],
  ] as const) {
    test(`waits for each step: the ${held} is not followed by another before it is done`, async () => {
      const { root, link, at } = estate('uploads');
      mkdirSync(at('uploads'));
      assert.deepEqual(await untilHeld(root, held, () => link('uploads')), [...before, held]);
    });
  }

  for (const [held, before] of [
    ['mkdir', []],
    ['sync', ['mkdir']],
  ] as const) {
    test(`waits for each directory: the ${held} is not followed by another before it is done`, async () => {
      const { root, link } = estate('a/b/c');
      assert.deepEqual(await untilHeld(root, held, () => link('a/b/c')), [...before, held]);
    });
  }

  test('must exist: the release is not touched', async () => {
    const { root, link, at } = estate();
    writeFileSync(join(root, 'shared/file'), '');
    for (const path of ['uploads', 'file/below']) {
      await assert.rejects(link(path), {
        code: 'missing-shared',
        message: `${join(root, 'shared', path)} is shared by all releases, and is missing`,
        hint: 'create it first',
      });
      assert.equal(existsSync(at(path)), false);
    }
    symlinkSync('itself', join(root, 'shared/itself'));
    await assert.rejects(link('itself'), { code: 'ELOOP' });
  });

  test('is refused if a link or a file of the release is in its path: it would be written elsewhere', async () => {
    const { root, link, at } = estate('var/cache');
    mkdirSync(join(root, 'outside'));
    symlinkSync(join(root, 'outside'), at('var'));
    await assert.rejects(link('var/cache'), {
      code: 'bad-layout',
      message: `${at('var')} is not a directory, and a shared path is below it`,
    });
    assert.deepEqual(readdirSync(join(root, 'outside')), []);
    const file = estate('var/cache');
    writeFileSync(file.at('var'), '');
    await assert.rejects(file.link('var/cache'), { code: 'bad-layout' });
    assert.equal(readFileSync(file.at('var'), 'utf8'), '');
  });
});
