import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Pending, readPending, readReturned } from '../../../../src/core/node-files/pending.ts';
import type { NewFile } from '../../../../src/daemon/config-helper/change.ts';
import { effectOf, revertChange, settle, switchFiles } from '../../../../src/daemon/config-helper/switch.ts';
import { requireSafePath } from '../../../../src/daemon/config-helper/tree.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';

/** One file is replaced, one is new, and one is removed. */
const files: readonly NewFile[] = [
  { kind: 'settings', name: 'node.yaml', place: 'node.yaml', content: 'new settings' },
  { kind: 'facts', name: 'rack.yaml', place: 'facts.d/rack.yaml', content: 'rack: b' },
  { kind: 'classes', name: 'classes.txt', place: 'classes.txt', content: undefined },
];
const details: Omit<Pending, 'state' | 'files'> = {
  change: 'a'.repeat(32),
  operator: 'rip@devco.net',
  until: 1000,
  boot: 'boot',
  instance: 'instance',
  effect: 'restart',
};
const before = { 'classes.txt': 'web', 'node.yaml': 'old settings' };
const after = { 'facts.d/rack.yaml': 'rack: b', 'node.yaml': 'new settings' };

let root: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-switch-');
});
afterEach(() => rmSync(root, { recursive: true }));

const prepare = () => {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
  for (const name of ['.apply', 'facts.d']) mkdirSync(join(root, name), 0o755);
  for (const [name, content] of Object.entries(before)) writeFileSync(join(root, name), content);
};

/** The files of the node, without those that the helper keeps for itself. */
function found(): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  const own = names.filter(
    (name) => !/^\.apply|^applied\.json|\.new$/.test(name) && statSync(join(root, name)).isFile(),
  );
  return Object.fromEntries(own.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
}

/** What the next start does: it takes back what is not confirmed. */
async function takeBack(): Promise<boolean> {
  const pending = await readPending(root);
  if (pending === undefined) return false;
  await revertChange(root, pending, 'it was cut off');
  return true;
}

describe('a change of the configuration that is interrupted at any point', () => {
  test('has not begun, or is taken back as a whole at the next start', async () => {
    const seen = new Set<boolean>();
    await crashAtEachChange({
      root,
      prepare,
      work: () => switchFiles(root, files, details),
      check: async (where, done) => {
        if (done) {
          assert.deepEqual(found(), after, where);
          assert.equal((await readPending(root))?.state, 'waiting', where);
        }
        seen.add(await takeBack());
        assert.deepEqual(found(), before, where);
        assert.equal(await readPending(root), undefined, where);
      },
      least: 20,
    });
    assert.deepEqual([...seen].sort(), [false, true]);
  });

  test('is taken back as a whole, also if that is interrupted', async () => {
    await crashAtEachChange({
      root,
      prepare: async () => {
        prepare();
        await switchFiles(root, files, details);
      },
      work: takeBack,
      check: async (where) => {
        await takeBack();
        assert.deepEqual(found(), before, where);
        const { change, why } = (await readReturned(root)) ?? {};
        assert.deepEqual([change, why], [details.change, 'it was cut off'], where);
      },
      least: 12,
    });
  });

  test('stays as a whole once it was confirmed, and is taken back as a whole until then', async () => {
    const ends = new Set<string>();
    await crashAtEachChange({
      root,
      prepare: async () => {
        prepare();
        await switchFiles(root, files, details);
      },
      work: () => settle(root, details.change),
      check: async (where, done) => {
        const isBack = await takeBack();
        assert.deepEqual(found(), isBack ? before : after, where);
        if (done) assert.equal(isBack, false, where);
        ends.add(isBack ? 'back' : 'stays');
      },
      least: 2,
    });
    assert.deepEqual([...ends].sort(), ['back', 'stays']);
  });
});

describe('a change of the configuration', () => {
  beforeEach(prepare);

  test('keeps what was before, syncs it, and is recorded before it touches a file', async () => {
    const calls = await recordChanges(root, () => switchFiles(root, files, details));
    const first = calls.findIndex((call) => /(rename|rm) (node\.yaml|facts\.d|classes\.txt)/.test(call));
    assert.deepEqual(
      calls.slice(0, first).filter((call) => /^(sync|rename)/.test(call) && !call.includes('node.yaml.')),
      [
        'sync .apply/before/0',
        'sync .apply/before/2',
        'sync .apply/before/',
        'sync .apply/pending.json.new',
        'rename .apply/pending.json',
        'sync .apply/',
      ],
    );
    assert.equal(calls[calls.indexOf('rm classes.txt') + 1], 'sync ./');
    assert.deepEqual(calls.slice(-3), ['sync .apply/pending.json.new', 'rename .apply/pending.json', 'sync .apply/']);
  });

  test('is confirmed on the disk before what was before is removed', async () => {
    await switchFiles(root, files, details);
    const calls = await recordChanges(root, () => settle(root, details.change));
    assert.deepEqual(calls, ['rm .apply/pending.json', 'sync .apply/', 'rm .apply/before']);
  });

  test('has its new directories on the disk', async () => {
    const calls = await recordChanges(root, () => requireSafePath(root, 'hooks/a'));
    assert.deepEqual(calls, ['mkdir hooks', 'sync ./']);
  });

  test('makes files that others can read, and that are not programs, under any umask', async () => {
    for (const umask of [0, 0o077]) {
      const usual = process.umask(umask);
      try {
        prepare();
        await switchFiles(root, files, details);
      } finally {
        process.umask(usual);
      }
      for (const name of ['node.yaml', 'facts.d/rack.yaml', 'applied.json', '.apply/pending.json'])
        assert.equal(statSync(join(root, name)).mode & 0o777, 0o644, name);
      assert.equal(statSync(join(root, '.apply/before')).mode & 0o077, 0, 'what was before is for root alone');
    }
  });

  test('is confirmed by its own number, once, and only when all of it is there', async () => {
    const pending = await switchFiles(root, files, details);
    assert.equal(await settle(root, 'b'.repeat(32)), false);
    const file = join(root, '.apply/pending.json');
    writeFileSync(file, JSON.stringify({ ...pending, state: 'switching' }));
    assert.equal(await settle(root, details.change), false);
    assert.notEqual(await readPending(root), undefined);
    writeFileSync(file, JSON.stringify(pending));
    assert.equal(await settle(root, details.change), true);
    assert.equal(await settle(root, details.change), false);
    assert.deepEqual(readdirSync(join(root, '.apply')), []);
  });

  test('takes effect as its slowest file does', () => {
    const kinds = {
      settings: 'restart',
      policies: 'reload',
      facts: 'reload',
      classes: 'reload',
      checks: 'at-once',
      hooks: 'at-once',
    };
    const of = (...some: string[]) => effectOf(some.map((kind) => ({ kind }) as NewFile));
    for (const [kind, effect] of Object.entries(kinds)) {
      assert.equal(of(kind), effect, kind);
      assert.equal(of('hooks', kind, 'hooks'), effect, kind);
      assert.equal(of(kind, 'settings'), 'restart', kind);
    }
    assert.equal(of('hooks', 'facts', 'checks'), 'reload');
  });
});
