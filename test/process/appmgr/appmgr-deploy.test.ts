import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { appmgrConfig } from '../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';

/** A script that deploys by writing the revision into a file; what begins with “bad” fails after it was written. */
function userDeploy(more: object = {}) {
  const directory = temporaryDirectory();
  const serving = join(directory, 'serving');
  const script = join(directory, 'deploy');
  const lines = [
    '#!/bin/sh',
    `echo "$1 from \${MCO_PREVIOUS:-none}" >> ${directory}/log`,
    `echo "$1" > ${serving}`,
    'case $1 in bad*) echo cannot migrate >&2; exit 4;; esac',
  ];
  writeFileSync(script, `${lines.join('\n')}\n`);
  chmodSync(script, 0o755);
  const check = ['sh', '-c', 'case $1 in *-none) echo never heard of it; exit 1;; esac', 'check', '{revision}'];
  const deploy = { command: [script, '{revision}'], check, timeout: 5, ...more };
  const setup = { stateDirectory: join(directory, 'state') };
  return {
    setup,
    config: (also: object = {}) => appmgrConfig({ applications: { app: { deploy, ...also } } }),
    serving: () => (existsSync(serving) ? readFileSync(serving, 'utf8').trim() : ''),
    log: () => readFileSync(join(directory, 'log'), 'utf8').trim().split('\n'),
  };
}

describe('a custom deploy command', () => {
  test('runs once for each revision, and is remembered over a restart', async () => {
    const own = userDeploy();
    const first = await appmgrOn(own.config(), own.setup);
    assert.equal((await first.upgrade({ revision: '10' }, { dryRun: true })).changed, true);
    assert.equal(own.serving(), '');
    assert.deepEqual(await first.upgrade({ revision: '10' }), {
      application: 'app',
      revision: '10',
      previous: '',
      changed: true,
    });
    const { upgrade, status, releases } = await appmgrOn(own.config(), own.setup);
    assert.equal((await upgrade({ revision: '10' })).changed, false);
    assert.equal((await upgrade({ revision: '20' })).previous, '10');
    assert.deepEqual(own.log(), ['10 from none', '20 from 10']);
    assert.equal(own.serving(), '20');
    const { revision, healthy, releases: known, has_revision: has } = await status({ revision: '30' });
    assert.deepEqual([revision, healthy, known, has], ['20', true, ['10', '20'], true]);
    assert.equal((await status({ revision: '30-none' })).has_revision, false);
    assert.equal((await releases({})).previous, '10');
  });

  test('runs again for the earlier release after a failure if that is configured, and the reason is reported', async () => {
    const own = userDeploy();
    const { upgrade, status } = await appmgrOn(own.config(), own.setup);
    await upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: 'bad1' }), {
      code: 'unhealthy-release',
      message: /the deploy command .* failed with exit code 4: “cannot migrate”; went back to 10$/,
    });
    assert.equal(own.serving(), '10');
    assert.equal((await status({})).revision, '10');
    const staying = await appmgrOn(own.config({ on_failure: 'stay' }), own.setup);
    await assert.rejects(staying.upgrade({ revision: 'bad1' }), {
      message: /it stays, because the configuration says so$/,
    });
    assert.equal((await staying.status({})).revision, 'bad1');
    assert.equal((await staying.rollback({})).revision, '10');
  });

  test('has the same guards: one at a time, revisions that cannot be deployed, health, hooks, rollback', async () => {
    const own = userDeploy();
    const { upgrade, rollback } = await appmgrOn(
      own.config({
        health: { command: ['sh', '-c', 'test "$MCO_REVISION" != 30'], timeout: 2 },
        hooks: { before: ['true'] },
      }),
      own.setup,
    );
    const first = upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: '10' }), { code: 'busy' });
    await first;
    for (const dryRun of [true, false]) {
      await assert.rejects(upgrade({ revision: '20-none' }, { dryRun }), {
        code: 'unknown-revision',
        message: /“never heard of it”/,
      });
    }
    for (const revision of ['../x', '-x', '$(id)', 'a\nb', '']) {
      await assert.rejects(upgrade({ revision }), { code: 'bad-revision' }, JSON.stringify(revision));
    }
    await assert.rejects(upgrade({ revision: '30' }), { message: /went back to 10$/ });
    await upgrade({ revision: '20' });
    assert.equal((await rollback({})).revision, '10');
    assert.deepEqual(
      own.log().map((line) => line.split(' ')[0]),
      ['10', '30', '10', '20', '10'],
    );
  });

  test('may fetch in advance, if it supports it', async () => {
    const own = userDeploy();
    const without = await appmgrOn(own.config(), own.setup);
    await assert.rejects(without.fetch({ revision: '10' }), { code: 'no-fetch' });
    const notes = join(temporaryDirectory(), 'fetched');
    const fetching = userDeploy({ fetch: ['sh', '-c', `echo $MCO_REVISION >> ${notes}`] });
    const { fetch } = await appmgrOn(fetching.config(), fetching.setup);
    assert.equal((await fetch({ revision: '10' }, { dryRun: true })).changed, true);
    assert.equal(existsSync(notes), false);
    assert.equal((await fetch({ revision: '10' })).changed, true);
    assert.equal(readFileSync(notes, 'utf8'), '10\n');
    assert.equal(fetching.serving(), '');
  });
});
