import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { allUp, asked, bravo, revisions, upgrade } from '../../support/lab/upgrades/cluster.ts';
import { isNode } from '../../support/lab/estate.ts';
import { startLab } from '../../support/lab/lab.ts';

describe('mco-deploy upgrade on twelve hosts', () => {
  test('changes nothing the second time, reports that, and sends HAProxy no change', async () => {
    await using lab = await startLab();
    assert.equal((await lab.client(upgrade)).code, 0);
    const before = await asked(lab, 'lb1');
    const { code, stdout } = await lab.client(upgrade);
    assert.equal(code, 0);
    assert.match(stdout, /nothing to do: all 4 web servers of cluster bravo are at revision 20 and take traffic/);
    assert.deepEqual((await asked(lab, 'lb1')).slice(before.length), [
      'lock.take',
      'rpcutil.ping',
      'haproxy.list',
      'haproxy.status',
      'lock.release',
    ]);
    assert.equal((await lab.mail(1)).length, 1, 'no second notification');
  });

  test('works the same with nodes from a file and multicast disabled', async () => {
    await using lab = await startLab();
    const nodes = lab.hosts.filter(isNode);
    for (const { name } of nodes) {
      await appendFile(lab.path(name, 'etc/mco-deploy/node.yaml'), 'discovery: { mdns: false }\n');
      await lab.daemon(name).stop();
      await lab.daemon(name).start();
    }
    const file = JSON.stringify({ nodes: nodes.map(({ name, address }) => ({ name, address })) });
    await writeFile(lab.path('control', 'tmp/nodes.json'), file);
    assert.equal((await lab.client(['ping', '--dt', '0.5'])).code, 1, 'nothing is heard any more');
    const { code, stdout } = await lab.client([...upgrade, '--nodes', '/tmp/nodes.json']);
    assert.equal(code, 0, stdout);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.ok(await allUp(lab));
  });

  test('angelia replies under the name that the seed uses, by mail and by webhook', async () => {
    await using lab = await startLab({ hosts: 1 });
    const send = (recipient: string) =>
      lab.client(['rpc', 'angelianotify', 'sendmsg', 'message=hello', `recipient=${recipient}`, '-1']);
    const mailed = await send('mailto:ops@devco.net');
    assert.equal(mailed.code, 0, mailed.stdout + mailed.stderr);
    const posted = await send('webhook:ops');
    assert.equal(posted.code, 0, posted.stdout + posted.stderr);
    assert.equal((await lab.mail(1)).length, 1);
    assert.match(JSON.stringify(await lab.webhooks(1)), /hello/);
    const denied = await send('http://10.5.0.3/other');
    assert.equal(denied.code, 2, 'an address that is not configured is not called');
    assert.match(denied.stdout, /are not allowed/);
  });
});
