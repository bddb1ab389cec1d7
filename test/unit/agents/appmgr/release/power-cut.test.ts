import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { layoutOf, prepareLayout, switchCurrent } from '../../../../../src/agents/appmgr/release/layout.ts';
import { release, type TestApplication, testApplication } from '../../../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../../../support/agents/appmgr/appmgr.ts';
import { type CrashKind, crashAtEachChange } from '../../../../support/faults/crash.ts';
import { recordChanges } from '../../../../support/faults/record-calls.ts';

let directory: string;
let application: TestApplication;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-release-');
  application = testApplication(directory);
  for (const revision of ['10', '20']) application.publish(revision, release(revision));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Cuts a work off at each of its changes of the disk, from one and the same beginning. */
async function atEachChange(
  kinds: readonly CrashKind[],
  work: () => Promise<unknown>,
  check: (where: string) => Promise<void>,
): Promise<void> {
  const before = join(directory, 'before');
  cpSync(application.root, before, { recursive: true, verbatimSymlinks: true });
  const prepare = () => {
    rmSync(application.root, { recursive: true });
    cpSync(before, application.root, { recursive: true, verbatimSymlinks: true });
  };
  await crashAtEachChange({ root: application.root, kinds, prepare, work, check, least: 8 });
}

describe('a power cut at any change of the disk', () => {
  test('leaves a whole release in an upgrade, and the next upgrade finishes the work', async () => {
    const { upgrade } = await appmgrOn(application.config());
    await upgrade({ revision: '10' });
    const seen = new Set<string>();
    await atEachChange(
      ['power', 'power-names'],
      async () => (await appmgrOn(application.config())).upgrade({ revision: '20' }),
      async (where) => {
        const current = application.current() ?? '';
        seen.add(current);
        assert.equal(application.served(), `revision ${current}`, where);
        const again = await appmgrOn(application.config());
        await again.upgrade({ revision: '20' });
        assert.equal(application.served(), 'revision 20', where);
        assert.deepEqual(readdirSync(join(application.root, '.staging')), [], where);
      },
    );
    assert.deepEqual([...seen].sort(), ['10', '20']);
  });

  test('leaves a whole release in a rollback, and the next call finishes the work', async () => {
    const { upgrade } = await appmgrOn(application.config());
    for (const revision of ['10', '20']) await upgrade({ revision });
    await atEachChange(
      ['kill', 'power', 'power-names'],
      async () => (await appmgrOn(application.config())).rollback({ from: '20' }),
      async (where) => {
        assert.equal(application.served(), `revision ${application.current()}`, where);
        const again = await appmgrOn(application.config());
        await again.upgrade({ revision: '10' });
        assert.equal(application.served(), 'revision 10', where);
      },
    );
  });
});

describe('a release that is prepared', () => {
  test('is marked whole after its name is on the disk, and serves after it is marked', async () => {
    const { upgrade } = await appmgrOn(application.config());
    await upgrade({ revision: '10' });
    const calls = await recordChanges(application.root, () => upgrade({ revision: '20' }));
    const places = [
      'datasync .staging/',
      'rename releases/20',
      'sync releases/',
      'rename releases/.20.json',
      'rename .appmgr.json',
      'rename current',
      'sync ./',
    ];
    let at = -1;
    for (const place of places) {
      at = calls.findIndex((call, index) => index > at && (call === place || call.startsWith(`${place}20-`)));
      assert.ok(at >= 0, `${place} in ${calls.join(', ')}`);
    }
  });

  test('loses its mark before it is removed', async () => {
    const { upgrade } = await appmgrOn(application.config({ keep: 2 }));
    for (const revision of ['30', '40']) application.publish(revision, release(revision));
    for (const revision of ['10', '20', '30']) await upgrade({ revision });
    const placed = () => readdirSync(join(application.root, 'releases')).filter((name) => !name.startsWith('.'));
    const before = placed();
    const calls = await recordChanges(application.root, () => upgrade({ revision: '40' }));
    const gone = before.filter((name) => !placed().includes(name));
    assert.ok(gone.length > 0, `nothing was removed of ${before}`);
    for (const revision of gone) {
      const mark = calls.indexOf(`rm releases/.${revision}.json`);
      const moved = calls.findIndex((call) => call.startsWith(`rename .staging/${revision}-`));
      const synced = calls.indexOf('sync releases/', mark);
      assert.ok(mark >= 0 && synced > mark && moved > synced, calls.join(', '));
    }
  });
});

test('a switch is on the disk when it ends', async () => {
  const layout = layoutOf(application.root);
  await prepareLayout(layout);
  const calls = await recordChanges(application.root, () => switchCurrent(layout, '20'));
  assert.deepEqual(calls.slice(-2), ['rename current', 'sync ./']);
});
