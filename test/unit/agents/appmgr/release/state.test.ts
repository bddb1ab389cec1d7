import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  assertRevision,
  assertRoot,
  isPlaced,
  isRevision,
  layoutOf,
  placeRelease,
  prepareLayout,
  readCurrent,
  readMarker,
  removeRelease,
  switchCurrent,
} from '../../../../../src/agents/appmgr/release/layout.ts';
import { placedReleases, planPrune, pruneReleases } from '../../../../../src/agents/appmgr/release/prune.ts';
import { assertFree } from '../../../../../src/agents/appmgr/release/space.ts';
import {
  confirmRelease,
  confirmRollback,
  isConfirmed,
  noteFailure,
  readState,
  settleState,
  writeState,
} from '../../../../../src/agents/appmgr/release/state.ts';

describe('the recorded state of the releases', () => {
  test('counts an existing “current” before the first upgrade as good', () => {
    assert.deepEqual(settleState(undefined, '10'), { confirmed: '10', before: '', pending: '' });
    assert.deepEqual(settleState(undefined, ''), { confirmed: '', before: '', pending: '' });
  });

  test('does not count a “current” that an interrupted upgrade set', () => {
    const known = { confirmed: '10', before: '9', pending: '20' };
    assert.deepEqual(settleState(known, '20'), known);
    assert.equal(isConfirmed(settleState(known, '20'), '20'), false);
  });

  test('counts a “current” that a person set', () => {
    const known = { confirmed: '10', before: '9', pending: '20' };
    assert.deepEqual(settleState(known, '15'), { confirmed: '15', before: '10', pending: '' });
  });

  test('keeps the earlier release when the same one is confirmed again', () => {
    const state = { confirmed: '20', before: '10', pending: '20' };
    assert.deepEqual(confirmRelease(state, '20'), { confirmed: '20', before: '10', pending: '' });
    assert.deepEqual(confirmRelease(state, '30'), { confirmed: '30', before: '20', pending: '' });
  });
});

describe('a failed release', () => {
  const state = { confirmed: '20', before: '10', pending: '' };

  test('is named once, with the latest at the end', () => {
    assert.deepEqual(noteFailure(state, '30').failed, ['30']);
    assert.deepEqual(noteFailure({ ...state, failed: ['30', '40'] }, '30').failed, ['40', '30']);
  });

  test('is not named if it is the one that serves, or the one to return to', () => {
    assert.deepEqual(noteFailure(state, '20'), state);
    assert.deepEqual(noteFailure(state, '10'), state);
  });
});

describe('a return to the release before', () => {
  test('is not undone by a second one: the release that was left does not count as the one before', () => {
    const state = { confirmed: '20', before: '10', pending: '', failed: ['30'] };
    assert.deepEqual(confirmRollback(state, '10'), { confirmed: '10', before: '', pending: '', failed: ['30'] });
    const origin = { since: 1, caller: 'cert=rip@devco.net', run: '' };
    assert.deepEqual(confirmRollback(state, '10', origin).origin, origin);
  });
});

describe('the operator who deployed a release', () => {
  const rip = { since: 1000, caller: 'cert=rip@devco.net', run: 'a'.repeat(32) };
  const ann = { since: 2000, caller: 'cert=ann@devco.net', run: '' };
  const served = confirmRelease({ confirmed: '10', before: '', pending: '20' }, '20', rip);

  test('is stored with it until another one replaces it', () => {
    assert.deepEqual(served.origin, rip);
    assert.deepEqual(confirmRelease(served, '20', ann).origin, rip, 'a repair does not bring it');
    assert.deepEqual(confirmRelease(served, '30', ann).origin, ann);
    assert.deepEqual(confirmRollback(served, '10', ann).origin, ann);
    assert.deepEqual(noteFailure(served, '30').origin, rip, 'what did not come up takes no place');
  });

  test('is unknown if a person changed the current release, or it was never recorded', () => {
    assert.equal(settleState(served, '15').origin, undefined);
    assert.equal(confirmRelease(served, '30').origin, undefined);
  });

  test('is read back from its file, and a damaged one is left out', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'mco-state-')), 'state.json');
    await writeState(file, served);
    assert.deepEqual(await readState(file), served);
    await writeFile(file, JSON.stringify({ ...served, origin: { since: 'yesterday' } }));
    assert.equal((await readState(file))?.origin, undefined);
  });
});

describe('the releases that may be removed', () => {
  const placed = ['1', '2', '3', '4', '5', '6'].map((revision, since) => ({ revision, since }));
  const state = { confirmed: '6', before: '5', pending: '' };

  test('are the oldest beyond the number to keep', () => {
    assert.deepEqual(planPrune(placed, state, '6', 4), ['1', '2']);
    assert.deepEqual(planPrune(placed, state, '6', 10), []);
  });

  test('include all that did not start but the latest, whatever else is kept', () => {
    const failed = ['3', '5', '4'];
    assert.deepEqual(planPrune(placed, { confirmed: '2', before: '1', pending: '', failed }, '2', 5), ['3', '5']);
    assert.deepEqual(planPrune(placed, { confirmed: '6', before: '2', pending: '', failed }, '6', 2), ['3', '5', '1']);
  });

  test('never include the current one, the previous one, or one in preparation', () => {
    assert.deepEqual(planPrune(placed, { confirmed: '2', before: '1', pending: '3' }, '2', 2), ['4', '5', '6']);
    assert.deepEqual(planPrune(placed, { confirmed: '1', before: '2', pending: '' }, '1', 5), ['3']);
  });
});

describe('the directories of an application', () => {
  const makeLayout = async () => {
    const layout = layoutOf(await mkdtemp(join(tmpdir(), 'mco-layout-')));
    await prepareLayout(layout);
    return layout;
  };

  test('have names that cannot be paths', async () => {
    for (const name of ['20', '1.2.3-rc1+x~y', 'a'.repeat(128)]) assert.ok(isRevision(name), name);
    for (const name of ['', '.', '..', '../x', 'a/b', '-x', '.x', 'a b', 'a'.repeat(129), 'a\n']) {
      assert.ok(!isRevision(name), name);
      assert.throws(() => assertRevision(name), { code: 'bad-revision' }, name);
      assert.throws(() => layoutOf('/srv').release(name), { code: 'bad-revision' });
      assert.throws(() => layoutOf('/srv').marker(name), { code: 'bad-revision' });
    }
    const layout = await makeLayout();
    await assert.rejects(switchCurrent(layout, '../x'), { code: 'bad-revision' });
    assert.deepEqual(readdirSync(layout.staging), []);
  });

  test('are made below a root that is there, and cleared of what an interrupted upgrade left', async () => {
    const layout = await makeLayout();
    writeFileSync(join(layout.staging, 'left'), '');
    writeFileSync(join(layout.releases, '20'), '');
    await prepareLayout(layout);
    assert.deepEqual([readdirSync(layout.staging), readdirSync(layout.releases)], [[], ['20']]);
    await assertRoot(layout);
    await assert.rejects(assertRoot(layoutOf(`${layout.root}/no`)), { code: 'bad-layout', message: /no\/ is missing/ });
    rmSync(layout.staging, { recursive: true });
    writeFileSync(layout.staging, '');
    await assert.rejects(prepareLayout(layout), { code: 'bad-layout', message: /\.staging is not a directory$/ });
  });

  test('have one release in service, which a link names', async () => {
    const layout = await makeLayout();
    assert.equal(await readCurrent(layout), '');
    await switchCurrent(layout, '20');
    await switchCurrent(layout, '30');
    assert.deepEqual([readlinkSync(layout.current), await readCurrent(layout)], ['releases/30', '30']);
    const point = (target: string) => {
      rmSync(layout.current, { force: true });
      symlinkSync(target, layout.current);
    };
    point(join(layout.releases, '40'));
    assert.equal(await readCurrent(layout), '40');
    for (const target of ['/elsewhere/releases/20', 'releases/../x', 'releases', 'releases/.20.json', 'other/20']) {
      point(target);
      await assert.rejects(readCurrent(layout), { code: 'bad-layout', message: /which is not a release$/ }, target);
    }
    rmSync(layout.current);
    writeFileSync(layout.current, '');
    await assert.rejects(readCurrent(layout), { code: 'bad-layout', message: /is not a symbolic link$/ });
  });

  test('count a release as whole only with its mark, which is written last and removed first', async () => {
    const layout = await makeLayout();
    const stage = () => {
      const staged = join(layout.staging, 'x');
      mkdirSync(staged);
      writeFileSync(join(staged, 'index'), 'new');
      return staged;
    };
    assert.deepEqual([await isPlaced(layout, '20'), await readMarker(layout, '20')], [false, undefined]);
    mkdirSync(layout.release('20'));
    writeFileSync(join(layout.release('20'), 'half'), '');
    assert.deepEqual([await isPlaced(layout, '20'), await readMarker(layout, '20')], [true, undefined]);
    await placeRelease(layout, stage(), '20', 'abc');
    assert.deepEqual([readdirSync(layout.release('20')), await readMarker(layout, '20')], [['index'], 'abc']);
    writeFileSync(layout.marker('20'), '{"sha256": 7}');
    assert.equal(await readMarker(layout, '20'), undefined);
    writeFileSync(layout.marker('20'), '{');
    assert.equal(await readMarker(layout, '20'), undefined);
    await removeRelease(layout, '20');
    await removeRelease(layout, '20');
    assert.deepEqual([readdirSync(layout.releases), readdirSync(layout.staging)], [[], []]);
    writeFileSync(layout.marker('20'), '{"sha256": "abc"}');
    writeFileSync(layout.release('20'), 'a file');
    assert.deepEqual([await isPlaced(layout, '20'), await readMarker(layout, '20')], [false, undefined]);
  });

  test('lose the releases beyond the number to keep, but none that a person made', async () => {
    const layout = await makeLayout();
    for (const revision of ['10', '20', '30', '40']) {
      const staged = join(layout.staging, revision);
      mkdirSync(staged);
      await placeRelease(layout, staged, revision, 'abc');
    }
    mkdirSync(layout.release('05'));
    mkdirSync(join(layout.releases, '.hidden'));
    rmSync(layout.marker('20'));
    const revisions = async () => (await placedReleases(layout)).map(({ revision }) => revision).toSorted();
    assert.deepEqual(await revisions(), ['05', '10', '20', '30', '40']);
    await pruneReleases(layout, { confirmed: '40', before: '30', pending: '' }, '40', 2);
    assert.deepEqual(await revisions(), ['05', '20', '30', '40']);
  });

  test('are not filled beyond what is free', async () => {
    await assertFree(tmpdir(), 0);
    const hint = 'free some space, or keep fewer releases';
    await assert.rejects(assertFree(tmpdir(), Number.MAX_SAFE_INTEGER), {
      code: 'no-space',
      message: /needs 9007199254740991 bytes/,
      hint,
    });
  });
});
