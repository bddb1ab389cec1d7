import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchRelease } from '../../../../src/agents/appmgr/actions/fetch.ts';
import { rollback } from '../../../../src/agents/appmgr/actions/rollback.ts';
import { upgrade } from '../../../../src/agents/appmgr/actions/upgrade.ts';
import type { Application } from '../../../../src/agents/appmgr/application.ts';
import type { Releases } from '../../../../src/agents/appmgr/release/releases.ts';
import { actionContext } from '../../../support/agents/agent-setup.ts';

test('a dry run fails where nothing can be written, as the call itself would', async () => {
  const releases = {
    root: '/srv/app',
    assertUsable: async () => {},
    assertWritable: async () => {
      throw Object.assign(new Error(), { code: 'EROFS' });
    },
    current: async () => '20',
    readState: async () => ({ confirmed: '20', before: '10', pending: '' }),
    known: async () => ['10', '20', '30'].map((revision) => ({ revision, since: 0, whole: true })),
    isPrepared: async () => false,
    isPlaced: async () => true,
    rehearse: async () => {},
  } as unknown as Releases;
  const application = { config: { name: 'app' }, releases, health: undefined } as unknown as Application;
  const work = actionContext({ dryRun: true });
  const readOnly = { code: 'disk-error', message: /^the release cannot be written below \/srv\/app: / };
  await assert.rejects(upgrade(application, '30', work), readOnly);
  await assert.rejects(fetchRelease(application, '30', work), readOnly);
  await assert.rejects(rollback(application, {}, work), readOnly);
  assert.equal((await upgrade(application, '20', work)).changed, false, 'nothing would be written');
});
