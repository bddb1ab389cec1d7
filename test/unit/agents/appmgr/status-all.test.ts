import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appmgrConfig, release, testApplication } from '../../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../../support/agents/appmgr/appmgr.ts';

test('a node with several applications reports each of them if all are requested', async () => {
  const [shop, blog] = [testApplication(), testApplication()];
  shop.publish('20', release('20'));
  const places = ({ root, artifacts }: typeof shop) => ({ root, artifacts });
  const config = appmgrConfig({ applications: { app: places(shop), blog: places(blog) } });
  const { upgrade, status } = await appmgrOn(config);
  await upgrade({ application: 'app', revision: '20' });
  const { applications, ...first } = await status({ all: true });
  const short = (applications as { application: string; revision: string; healthy: boolean }[]).map(
    ({ application, revision, healthy }) => [application, revision, healthy],
  );
  assert.deepEqual(short, [
    ['app', '20', true],
    ['blog', '', false],
  ]);
  assert.equal(first.application, 'app');
  await assert.rejects(status({}), { code: 'unknown-application' });
  assert.equal((await status({ application: 'blog' })).applications, undefined);
});
