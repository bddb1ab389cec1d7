import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isNode } from '../support/lab/estate.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { logOf, waitForLine } from '../support/lab/log.ts';

const bravo = ['dev2.devco.net', 'dev4.devco.net', 'dev6.devco.net', 'dev8.devco.net'];
const alfa = ['dev1.devco.net', 'dev3.devco.net', 'dev5.devco.net', 'dev7.devco.net', 'dev9.devco.net'];
const upgrade = ['upgrade', '--cluster', 'bravo', '--rev', '20'];

const revisions = (lab: Lab, hosts: readonly string[]) => Promise.all(hosts.map((host) => lab.revision(host)));
/** Names of the servers that HAProxy has in maintenance. */
const inMaintenance = async (lab: Lab, balancer?: string) =>
  (await lab.servers(balancer)).filter(({ status }) => status === 'MAINT').map(({ name }) => name);
const allUp = async (lab: Lab, balancer?: string) =>
  (await lab.servers(balancer)).every(({ status }) => status === 'UP') && (await lab.servers(balancer)).length === 9;
/** What a host was asked to do, by its audit log: `agent.action`, dry runs left out. */
const asked = async (lab: Lab, host: string) =>
  (await lab.audit(host))
    .filter(({ kind, dry_run }) => kind === 'intent' && dry_run !== true)
    .map(({ agent, action }) => `${agent}.${action}`);

/** The shipped playbook with shorter pauses between its tries, on the control host. */
async function writeQuickPlaybook(lab: Lab, changes: Readonly<Record<string, string>>): Promise<string> {
  let text = await readFile(join(import.meta.dirname, '../../playbooks/app_cluster_upgrade.yaml'), 'utf8');
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  await writeFile(lab.path('control', 'tmp/quick.yaml'), text);
  return '/tmp/quick.yaml';
}

describe('mco-deploy upgrade on twelve hosts', () => {
  test('changes exactly the cluster, loses no request, notifies, and is all in the audit logs', async () => {
    await using lab = await startLab();
    const load = await lab.load({ rate: 200 });
    const { code, stdout, stderr } = await lab.client(upgrade);
    const { requests, failures, bodies } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.ok(requests > 50, `${requests} requests were made`);
    assert.ok(
      Object.keys(bodies).some((body) => body.includes('10')),
      'the old revision was served meanwhile',
    );
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.deepEqual(await revisions(lab, alfa), ['10', '10', '10', '10', '10']);
    assert.ok(await allUp(lab), JSON.stringify(await lab.servers()));

    assert.match(stdout, /rpcutil#ping executed successfully on 4 nodes after 1 try/);
    assert.match(stdout, /haproxy#disable executed successfully on 1 node after 1 try\n/);
    assert.match(stdout, /appmgr#upgrade executed successfully on 4 nodes after 1 try/);
    assert.match(stdout, /nrpe#runcommand executed successfully on 4 nodes after 1 try/);
    assert.match(stdout, /haproxy#enable executed successfully on 1 node after 1 try/);
    assert.match(stdout, /angelia#sendmsg executed successfully on 1 node after 1 try/);
    assert.match(stdout, /< rip@devco\.net updated 4 node cluster bravo to revision 20 >/);
    assert.match(
      stdout,
      /Finished app_cluster_upgrade for bravo in \d+\.\d\d seconds\nbravo 10 → 20 on 4 nodes in \d+\.\d s\n$/,
    );
    const [mail] = await lab.mail(1);
    assert.match(JSON.stringify(mail), /updated 4 node cluster bravo to revision 20/);

    assert.deepEqual(await asked(lab, 'dev2'), [
      'lock.take',
      'rpcutil.ping',
      'appmgr.status',
      'appmgr.upgrade',
      'nrpe.runcommand',
      'lock.release',
    ]);
    assert.deepEqual(await asked(lab, 'lb1'), [
      'lock.take',
      'rpcutil.ping',
      'haproxy.list',
      'haproxy.status',
      'haproxy.disable',
      // Each of the two batches is upgraded between two proofs that its servers are out; the second proof is for both.
      'haproxy.status',
      'haproxy.status',
      'haproxy.status',
      // The last proof comes right before they are put back.
      'haproxy.status',
      'haproxy.enable',
      'lock.release',
    ]);
    assert.deepEqual(await asked(lab, 'dev1'), []);
    for (const host of ['dev2', 'lb1', 'notify1']) {
      const verified = await lab.exec(host, ['mco-deploy', 'audit', 'verify']);
      assert.equal(verified.code, 0, `${host}: ${verified.stdout}${verified.stderr}`);
    }
    const [run] = await readdir(lab.path('control', 'home/rip@devco.net/.local/state/mco-deploy/runs'));
    const trace = await lab.client(['audit', 'trace', (run ?? '').replace('.jsonl', '')]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
    const shown = await lab.exec('dev2', ['mco-deploy', 'audit', 'show']);
    const line =
      /^reqid=[0-9a-f]{32}: reqtime=\d+ caller=cert=rip@devco\.net agent=appmgr action=upgrade data=\{"revision":"20"\} outcome=ok$/m;
    assert.match(shown.stdout, line);
  });

  test('a second time changes nothing, says so, and leaves HAProxy alone', async () => {
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
    assert.equal((await lab.mail(1)).length, 1, 'nobody is told twice');
  });

  test('with a broken release stops, leaves its servers out of traffic, names the untouched ones, and is mended by the good one', async () => {
    await using lab = await startLab();
    const load = await lab.load();
    const { code, stdout, stderr } = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', 'broken']);
    const { failures } = await load.stop();
    assert.equal(code, 2, stdout + stderr);
    assert.deepEqual(failures, [], 'the site lives on');
    assert.match(stdout, /appmgr#upgrade failed on 2 of 4 nodes after 2 tries/);
    assert.match(stdout, /on dev2\.devco\.net, dev4\.devco\.net: .*unhealthy-release/);
    assert.match(
      stdout,
      /untouched: dev6\.devco\.net, dev8\.devco\.net\nto continue: mco-deploy resume [0-9a-f]{32}\n$/,
    );
    assert.match(
      stdout,
      /out of traffic: dev2\.devco\.net, dev4\.devco\.net, dev6\.devco\.net, dev8\.devco\.net of app on lb1/,
    );
    assert.doesNotMatch(stdout, /nrpe#runcommand|haproxy#enable executed/);
    assert.deepEqual(await inMaintenance(lab), bravo);
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    const mails = await lab.mail(1);
    assert.equal(mails.length, 1);
    assert.match(JSON.stringify(mails), /failed: Upgrade the servers .*to continue: mco-deploy resume/);

    const mended = await lab.client(upgrade);
    assert.equal(mended.code, 0, mended.stdout);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.ok(await allUp(lab));
  });

  test('changes nothing on either of two load balancers when one does not know a server', async () => {
    await using lab = await startLab({ lbs: 2 });
    await lab.haproxy('lb2', 'set server app/dev4.devco.net state maint');
    await lab.haproxy('lb2', 'del server app/dev4.devco.net');
    const { code, stdout, stderr } = await lab.client(upgrade);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stdout, /dev4\.devco\.net on lb2\.devco\.net/);
    assert.ok(await allUp(lab, 'lb1'));
    assert.deepEqual(await inMaintenance(lab, 'lb2'), []);
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    for (const balancer of ['lb1', 'lb2'])
      assert.ok(!(await asked(lab, balancer)).includes('haproxy.disable'), balancer);
  });

  test('takes the servers out of both of two load balancers and puts them back', async () => {
    await using lab = await startLab({ lbs: 2 });
    const loads = [await lab.load({ balancer: 'lb1' }), await lab.load({ balancer: 'lb2' })];
    const { code, stdout } = await lab.client(upgrade);
    const reports = await Promise.all(loads.map((load) => load.stop()));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /haproxy#disable executed successfully on 2 nodes/);
    assert.deepEqual(
      reports.flatMap(({ failures }) => failures),
      [],
    );
    assert.ok((await allUp(lab, 'lb1')) && (await allUp(lab, 'lb2')));
  });

  test('does not enable servers whose check stays critical, and notifies of that', async () => {
    await using lab = await startLab();
    const plugin = lab.path('dev4', 'srv/critical');
    await writeFile(plugin, '#!/bin/sh\necho "CRITICAL - made so"\nexit 2\n', { mode: 0o755 });
    await appendFile(lab.path('dev4', 'etc/nagios/nrpe.cfg'), 'command[check_load]=/srv/critical\n');
    const playbook = await writeQuickPlaybook(lab, { 'try_sleep: 10s': 'try_sleep: 100ms', 'tries: 10': 'tries: 3' });
    const { code, stdout, stderr } = await lab.client(['run', playbook, 'cluster=bravo', 'revision=20']);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stdout, /nrpe#runcommand failed on 1 of 4 nodes after 3 tries/);
    assert.match(stdout, /on dev4\.devco\.net: check_load is CRITICAL, CRITICAL - made so/);
    assert.deepEqual(await inMaintenance(lab), bravo);
    assert.match(JSON.stringify(await lab.mail(1)), /failed: Check the load /);
  });

  test('waits for a load that settles after the third try', async () => {
    await using lab = await startLab();
    await lab.setLoad('dev6', '99.00 99.00 99.00 1/100 1000');
    const playbook = await writeQuickPlaybook(lab, { 'try_sleep: 10s': 'try_sleep: 200ms' });
    const running = lab.client(['run', playbook, 'cluster=bravo', 'revision=20']);
    await lab.calls('dev6', 'nrpe', 'runcommand', 3);
    await lab.setLoad('dev6', '0.10 0.10 0.10 1/100 1000');
    const { code, stdout } = await running;
    assert.equal(code, 0, stdout);
    assert.match(stdout, /nrpe#runcommand executed successfully on 4 nodes after [4-9] tries/);
    assert.ok(await allUp(lab));
    const others = (await asked(lab, 'dev2')).filter((call) => call === 'nrpe.runcommand');
    assert.equal(others.length, 1, 'who passed is not asked again');
  });

  test('is refused on every node to an operator without the right, and each refusal is in the audit log', async () => {
    await using lab = await startLab();
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
    await using lab = await startLab();
    const home = '/home/mallory@devco.net/.config/mco-deploy';
    const local = await lab.client(['ping'], { operator: 'mallory@devco.net' });
    assert.deepEqual([local.code, local.stdout], [64, '']);
    assert.match(
      local.stderr,
      /^mco-deploy: (.+\/operator\.crt): the CA “CN=mco-deploy CA [0-9a-f]{8}” that issued it is in neither file: is it a certificate of this fleet\? If so, add the root to .+\/ca\.crt, and an intermediate CA to \1 after the certificate\n$/,
    );
    // A client that does not look first: the node itself must shut the door.
    const { address } = lab.hosts.find(({ name }) => name === 'dev2.devco.net') ?? assert.fail();
    const argv = ['openssl', 's_client', '-connect', `${address}:5810`, '-alpn', 'h2', '-ign_eof'];
    await lab.exec('control', [...argv, '-cert', `${home}/operator.crt`, '-key', `${home}/operator.key`]);
    const records = await lab.audit('dev2');
    assert.deepEqual(
      records.filter(({ kind }) => kind === 'intent'),
      [],
    );
    await waitForLine(logOf(lab.state, 'dev2.devco.net', 'var/log/mco-deploy/daemon.log'), 0, 'stranger refused');
  });

  test('does not begin when a web daemon was killed, and names it with when it was last seen', async () => {
    await using lab = await startLab();
    assert.equal((await lab.client(['ping'])).code, 0);
    await lab.daemon('dev8').kill();
    const { code, stdout, stderr } = await lab.client(upgrade);
    assert.equal(code, 5, stdout + stderr);
    assert.match(stdout, /dev8\.devco\.net: .*last seen \d{4}-\d\d-\d\dT/);
    assert.ok(await allUp(lab));
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    const ping = await lab.client(['ping', '-F', 'cluster=bravo']);
    assert.equal(ping.code, 5);
    assert.match(ping.stderr, /No response from:\n {2}dev8\.devco\.net +last seen/);
    const allowed = await lab.client([...upgrade, '--allow-missing']);
    assert.equal(allowed.code, 0, allowed.stdout);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '10']);
  });

  test('does not begin either when only the other nodes know the one that is silent', async () => {
    await using lab = await startLab();
    // Heard by another operator, and so by the nodes, before it falls silent.
    assert.match((await lab.client(['ping'], { operator: 'eve@devco.net' })).stdout, /^dev8\.devco\.net/m);
    await lab.daemon('dev8').kill();
    const { code, stdout, stderr } = await lab.client(upgrade);
    assert.equal(code, 5, stdout + stderr);
    assert.match(stdout, /dev8\.devco\.net/);
    assert.ok(await allUp(lab));
  });

  test('has the other notification node take over when the first is gone', async () => {
    await using lab = await startLab();
    await lab.daemon('notify1').kill();
    const { code, stdout } = await lab.client(upgrade);
    assert.equal(code, 0, stdout);
    assert.equal((await lab.mail(1)).length, 1);
    assert.ok((await asked(lab, 'notify2')).includes('angelia.sendmsg'));
  });

  test('works the same with nodes from a file and multicast switched off', async () => {
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

  test('tells an unknown cluster, revision or backend, with what there is, and changes nothing', async () => {
    await using lab = await startLab();
    const cluster = await lab.client(['upgrade', '--cluster', 'charlie', '--rev', '20']);
    assert.equal(cluster.code, 1, cluster.stdout);
    assert.match(cluster.stdout, /no web server of cluster “charlie” was found/);
    const revision = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', '21']);
    assert.equal(revision.code, 2, revision.stdout);
    assert.match(revision.stdout, /revision 21 is not there for .*dev2\.devco\.net/);
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

  test('angelia answers by the name that the seed calls it, by mail and by webhook', async () => {
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

  test('a dry run asks everyone, prints what would change on each host, and changes nothing', async () => {
    await using lab = await startLab();
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
    assert.deepEqual(await lab.mail(), []);
  });
});
