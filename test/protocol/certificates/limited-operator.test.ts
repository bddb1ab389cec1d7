import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as all } from '../../../src/agents/index.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { type Fleet, makeFleet, type Member } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';

const agents = all.filter(({ ddl }) => ['appmgr', 'rpcutil'].includes(ddl.name));
const named = 'policy default deny\nallow\tcert=ci@devco.net cert=rip@devco.net\t*\t*\t*\n';
const anyone =
  'policy default allow\nallow\tcert=ci@devco.net\tmay_i\t*\t*\nallow\t*\t*\t*\t*\nallow\t/cert=.*/\t*\t*\t*\n';

describe('a certificate that is limited to an application', () => {
  let fleet: Fleet;
  let ci: Member;
  let rip: Member;
  let node: TestNode;
  before(async () => {
    fleet = await makeFleet();
    ci = await fleet.operator('ci@devco.net', { applications: ['shop'] });
    rip = await fleet.operator('rip@devco.net');
    const application = (name: string) => ({ root: join(fleet.dir, name), artifacts: fleet.dir, reload: ['true'] });
    for (const name of ['shop', 'blog']) await mkdir(join(fleet.dir, name, 'releases'), { recursive: true });
    const sections = { appmgr: { applications: { shop: application('shop'), blog: application('blog') } } };
    node = await startTestNode(fleet, { agents, sections, policies: { appmgr: named, rpcutil: anyone } });
  });
  after(async () => {
    await node.daemon.stop();
    await fleet.remove();
  });
  const releases = async (who: Member, input: JsonObject) => {
    const { outcome, code, message } = await node.call(who, { agent: 'appmgr', action: 'releases', input });
    return { outcome, code, message };
  };

  test('lets its operator work on that application', async () => {
    assert.equal((await releases(ci, { application: 'shop' })).outcome, 'ok');
  });

  test('is refused for another application, with both names, and recorded', async () => {
    const { outcome, code, message } = await releases(ci, { application: 'blog' });
    assert.deepEqual([outcome, code], ['refused', 'not-for-application']);
    assert.equal(message, 'the certificate of cert=ci@devco.net is for shop, not for blog');
    const last = (await node.records()).at(-1);
    assert.equal(last?.kind === 'outcome' && last.code, 'not-for-application');
    assert.equal((await releases(rip, { application: 'blog' })).outcome, 'ok', 'nobody else is limited');
  });

  test('is refused if the request leaves the application to the node', async () => {
    const { code, message } = await releases(ci, {});
    assert.deepEqual(
      [code, message],
      ['not-for-application', 'the certificate of cert=ci@devco.net is for shop: name the application'],
    );
  });

  test('is not allowed anything by rules for everybody, regexes or a default: a rule must name it', async () => {
    const order = { agent: 'rpcutil', action: 'ping', input: {} };
    assert.equal((await node.call(rip, order)).outcome, 'ok');
    const { outcome, code, hint } = await node.call(ci, order);
    assert.deepEqual([outcome, code], ['refused', 'policy-denied']);
    assert.match(
      hint,
      /a rule of policies\/rpcutil\.policy on the node must name cert=ci@devco\.net, “\*” does not count/,
    );
  });

  test('shows its limits when its run checks its rights before it begins', async () => {
    const input = { actions: 'appmgr.releases,rpcutil.ping' };
    const { data } = await node.call(ci, { agent: 'rpcutil', action: 'may_i', input });
    const { allowed, denied } = JSON.parse(data.toString());
    assert.deepEqual([allowed, denied], [['appmgr.releases'], ['rpcutil.ping']]);
  });
});
