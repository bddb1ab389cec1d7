import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { allUp, asked, bravo, revisions, upgrade } from '../support/lab/upgrades/cluster.ts';
import { isNode } from '../support/lab/estate.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { logOf, waitForLine } from '../support/lab/log.ts';

describe('an unauthorized or mistaken upgrade', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab();
  });
  after(() => lab.stop());

  test('is refused on every node to an operator without the right, and each refusal is in the audit log', async () => {
    const { code, stdout, stderr } = await lab.client([...upgrade], { operator: 'eve@devco.net' });
    assert.equal(code, 77, stdout + stderr);
    const called = await lab.client(['rpc', 'rpcutil', 'ping'], { operator: 'eve@devco.net' });
    assert.equal(called.code, 77);
    for (const { name, kind } of lab.hosts.filter(isNode)) {
      const records = await lab.audit(name);
      const intent = records.findLast((record) => record.kind === 'intent' && record.caller === 'cert=eve@devco.net');
      const outcome = records.find((record) => record.kind === 'outcome' && record.intent === intent?.sequence);
      assert.deepEqual([outcome?.outcome, outcome?.code], ['refused', 'policy-denied'], `${name} (${kind})`);
    }
    assert.ok(await allUp(lab));
  });

  test('never serves a caller with a certificate of another CA', async () => {
    const intents = async () => (await lab.audit('dev2')).filter(({ kind }) => kind === 'intent');
    const before = await intents();
    const home = '/home/mallory@devco.net/.config/mco-deploy';
    const local = await lab.client(['ping'], { operator: 'mallory@devco.net' });
    assert.deepEqual([local.code, local.stdout], [64, '']);
    assert.match(
      local.stderr,
      /^mco-deploy: (.+\/operator\.crt): the CA “CN=mco-deploy CA [0-9a-f]{8}” that issued it is in neither file: is it a certificate of this fleet\? If so, add the root to .+\/ca\.crt, and an intermediate CA to \1 after the certificate\nto read what to do: mco-deploy explain foreign-certificate\n$/,
    );
    // A client that does not look first: the node itself must shut the door.
    const { address } = lab.hosts.find(({ name }) => name === 'dev2.devco.net') ?? assert.fail();
    const argv = ['openssl', 's_client', '-connect', `${address}:5810`, '-alpn', 'h2', '-ign_eof'];
    await lab.exec('control', [...argv, '-cert', `${home}/operator.crt`, '-key', `${home}/operator.key`]);
    assert.deepEqual(await intents(), before);
    await waitForLine(logOf(lab.state, 'dev2.devco.net', 'var/log/mco-deploy/daemon.log'), 0, 'stranger refused');
  });

  test('names an unknown cluster, revision or backend with the existing ones, and changes nothing', async () => {
    const cluster = await lab.client(['upgrade', '--cluster', 'charlie', '--rev', '20']);
    assert.equal(cluster.code, 1, cluster.stdout);
    assert.match(cluster.stdout, /no web server of cluster “charlie” was found/);
    const revision = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', '21']);
    assert.equal(revision.code, 2, revision.stdout);
    assert.match(revision.stdout, /revision 21 is not on .*dev2\.devco\.net/);
    const backend = await lab.client([...upgrade, '--backend', 'shop']);
    assert.equal(backend.code, 2, backend.stdout);
    assert.match(backend.stdout, /no load balancer has a backend “shop”; there are .*app/);
    const few = await lab.client([...upgrade, '--strategy', 'parallel', '--min-available', '6']);
    assert.equal(few.code, 2, few.stdout);
    assert.match(few.stdout, /on lb1\.devco\.net: .*too-few-servers/);
    assert.ok(await allUp(lab));
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    assert.ok(!(await asked(lab, 'lb1')).includes('haproxy.disable'));
  });

  test('a dry run checks everything, prints what would change on each host, and changes nothing', async () => {
    const sent = async () =>
      [...(await asked(lab, 'notify1')), ...(await asked(lab, 'notify2'))].filter((call) => call === 'angelia.sendmsg');
    const before = await sent();
    const short = await lab.client([...upgrade, '--dry-run']);
    assert.equal(short.code, 0, short.stdout);
    const lines = bravo.map((name) => `${name}: 10 → 20; out of app on lb1.devco.net (5 of 9 stay)\n`).join('');
    assert.ok(short.stdout.startsWith(`${lines}Nothing was changed: dry run of`), short.stdout);
    const { code, stdout } = await lab.client([...upgrade, '--dry-run', '-v']);
    assert.equal(code, 0, stdout);
    assert.match(
      stdout,
      /appmgr#upgrade on 4 nodes in 2 batches: dev2\.devco\.net, dev4\.devco\.net \| dev6\.devco\.net, dev8\.devco\.net/,
    );
    assert.match(stdout, /Nothing was changed/);
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    assert.ok(await allUp(lab));
    assert.ok(!(await asked(lab, 'lb1')).includes('haproxy.disable'));
    assert.deepEqual(await sent(), before);
  });
});
