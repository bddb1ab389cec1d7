import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { release, startHealthServer, testApplication } from '../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';

async function at20(more: object = {}) {
  const application = testApplication();
  for (const revision of ['10', '20', '30']) application.publish(revision, release(revision));
  const agent = await appmgrOn(application.config(more));
  for (const revision of ['10', '20']) await agent.upgrade({ revision });
  return { application, ...agent };
}

describe('rollback', () => {
  test('goes back to the release before without its artifact, and a second one is refused', async () => {
    const { application, rollback, releases } = await at20({ reload: ['true'] });
    rmSync(application.artifacts, { recursive: true });
    assert.deepEqual(await rollback({}, { dryRun: true }), {
      application: 'app',
      revision: '10',
      previous: '20',
      changed: true,
    });
    assert.equal(application.served(), 'revision 20');
    assert.deepEqual(await rollback({}), { application: 'app', revision: '10', previous: '20', changed: true });
    assert.equal(application.served(), 'revision 10');
    assert.equal((await releases({})).previous, '');
    await assert.rejects(rollback({}), { code: 'no-previous', hint: 'there are: 20' });
    assert.equal(application.served(), 'revision 10');
  });

  test('does not go to a release before whose directory was emptied', async () => {
    const { application, rollback } = await at20({ reload: ['true'] });
    const directory = join(application.root, 'releases', '10');
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    await assert.rejects(rollback({}), { code: 'unknown-release' });
    assert.equal(application.served(), 'revision 20');
  });

  test('does nothing from a release that is not current, so that it can be repeated', async () => {
    const { application, rollback } = await at20();
    assert.deepEqual(await rollback({ from: '30' }), {
      application: 'app',
      revision: '20',
      previous: '20',
      changed: false,
    });
    assert.equal((await rollback({ from: '20' })).changed, true);
    assert.equal((await rollback({ from: '20' })).changed, false);
    assert.equal(application.served(), 'revision 10');
  });

  test('goes to any whole release by its name, and to no other', async () => {
    const { application, rollback, upgrade, fetch } = await at20();
    await upgrade({ revision: '30' });
    assert.equal((await rollback({ revision: '10' })).previous, '30');
    assert.equal((await rollback({ revision: '10' })).changed, false);
    mkdirSync(join(application.root, 'releases', 'half'));
    for (const revision of ['half', '40']) {
      await assert.rejects(rollback({ revision }), { code: 'unknown-release' }, revision);
      await assert.rejects(rollback({ revision }, { dryRun: true }), { code: 'unknown-release' }, revision);
    }
    application.publish('40', release('40'));
    await fetch({ revision: '40' });
    await rollback({ revision: '40' });
    assert.equal(application.served(), 'revision 40');
  });

  test('leaves a release that stayed although it never became healthy', async () => {
    const { application } = await at20();
    const health = await startHealthServer(() => ({ status: application.current() === '30' ? 500 : 200 }));
    const config = application.config({ health: { url: health.url, timeout: 0.3 }, on_failure: 'stay' });
    const { upgrade, rollback, releases } = await appmgrOn(config);
    await assert.rejects(upgrade({ revision: '30' }), { code: 'unhealthy-release', message: /it stays/ });
    const { revision, previous, unfinished } = await releases({});
    assert.deepEqual([revision, previous, unfinished], ['30', '20', '30']);
    assert.equal((await rollback({})).revision, '20');
    assert.equal((await releases({})).unfinished, '');
    await health.stop();
  });

  test('returns to the release it left if the earlier one is not healthy', async () => {
    const { application } = await at20();
    const health = await startHealthServer(() => ({ status: application.current() === '10' ? 500 : 200 }));
    const { rollback } = await appmgrOn(application.config({ health: { url: health.url, timeout: 0.3 } }));
    await assert.rejects(rollback({}), { code: 'unhealthy-release', message: /went back to 20$/ });
    assert.equal(application.served(), 'revision 20');
    await health.stop();
  });

  test('is refused without an earlier release', async () => {
    const { rollback, releases } = await appmgrOn(testApplication().config());
    await assert.rejects(rollback({}), { code: 'no-previous' });
    const nothing = { application: 'app', revision: '', previous: '', unfinished: '', releases: [] };
    assert.deepEqual(await releases({}), nothing);
    for (const revision of ['../x', '-x', 'a\0b', '']) {
      await assert.rejects(rollback({ revision }), { code: 'bad-revision' }, JSON.stringify(revision));
      await assert.rejects(rollback({ from: revision }), { code: 'bad-revision' }, JSON.stringify(revision));
    }
  });
});

describe('releases', () => {
  test('reports the releases on the node, their dates, and whether they are whole', async () => {
    const { application, releases } = await at20();
    mkdirSync(join(application.root, 'releases', 'half'));
    const found = (await releases({})) as {
      revision: string;
      releases: { revision: string; whole: boolean; since: number }[];
    };
    assert.equal(found.revision, '20');
    const shown = found.releases.map(({ revision, whole }) => `${revision} ${whole}`);
    assert.deepEqual(shown, ['10 true', '20 true', 'half false']);
    for (const { since } of found.releases) assert.ok(Math.abs(Date.now() - since) < 600_000);
  });
});

describe('fetch', () => {
  test('brings a release to the node without activating it, and keeps it until it is used', async () => {
    const { application, fetch, upgrade, status } = await at20({ keep: 2 });
    assert.deepEqual(await fetch({ revision: '30' }, { dryRun: true }), {
      application: 'app',
      revision: '30',
      changed: true,
    });
    assert.equal(existsSync(join(application.root, 'releases', '30')), false);
    assert.deepEqual(await fetch({ revision: '30' }), { application: 'app', revision: '30', changed: true });
    assert.equal((await fetch({ revision: '30' })).changed, false);
    assert.equal(application.served(), 'revision 20');
    assert.deepEqual((await status({})).releases, ['10', '20', '30']);
    rmSync(application.artifacts, { recursive: true });
    const said: string[] = [];
    await upgrade({ revision: '30' }, { progress: (line) => said.push(line) });
    assert.deepEqual(said, ['switching from 20 to 30']);
    assert.deepEqual((await status({})).releases, ['20', '30']);
  });

  test('leaves nothing of an artifact that is missing or not the published one', async () => {
    const { application, fetch } = await at20();
    await assert.rejects(fetch({ revision: '99' }), { code: 'unknown-revision' });
    await assert.rejects(fetch({ revision: '99' }, { dryRun: true }), { code: 'unknown-revision' });
    application.publish('40', [{ path: '../evil', content: 'x' }]);
    await assert.rejects(fetch({ revision: '40' }), { code: 'unsafe-archive' });
    assert.deepEqual(readdirSync(join(application.root, 'releases')).sort(), ['.10.json', '.20.json', '10', '20']);
    assert.deepEqual(readdirSync(join(application.root, '.staging')), []);
  });

  test('counts as a change, and an application runs only one change at a time', async () => {
    const { fetch, upgrade, rollback } = await at20();
    const first = fetch({ revision: '30' });
    await assert.rejects(upgrade({ revision: '30' }), { code: 'busy' });
    await assert.rejects(rollback({}), { code: 'busy' });
    await first;
  });
});
