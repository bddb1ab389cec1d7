import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isNode } from '../support/lab/estate.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';

const bravo = ['dev2.devco.net', 'dev4.devco.net', 'dev6.devco.net', 'dev8.devco.net'];
const script = ['orchestrate', 'app_cluster_upgrade', 'backend=app', 'cluster=bravo', 'revision=20'];

const revisions = (lab: Lab, hosts: readonly string[]) => Promise.all(hosts.map((host) => lab.revision(host)));
const inMaintenance = async (lab: Lab) =>
  (await lab.servers()).filter(({ status }) => status === 'MAINT').map(({ name }) => name);
const asked = async (lab: Lab, host: string) =>
  (await lab.audit(host)).filter(({ kind }) => kind === 'intent').map(({ agent, action }) => `${agent}.${action}`);
/** The calls of the script, without the lease and the proofs that hosts stay out of traffic. */
const ofTheScript = (calls: readonly string[]) =>
  calls.filter((call) => !call.startsWith('lock.') && call !== 'haproxy.status');
/** All that any host was asked to do. */
const askedOfAll = async (lab: Lab) =>
  (await Promise.all(lab.hosts.filter(isNode).map(({ name }) => asked(lab, name)))).flat();

describe('mco-deploy orchestrate on twelve hosts', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab();
  });
  after(() => lab.stop());

  test('prints the script’s message, and calls nobody, for a missing input, an unknown cluster or no load balancer', async () => {
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [['cluster=bravo', 'revision=20'], 64, /Please specify a backend to manage using \$backend/],
      [['cluster=bravo', 'backend=app'], 64, /Please specify a revision to manage using \$revision/],
      [['revision=20', 'backend=app'], 64, /Please specify a cluster to manage using \$cluster/],
      [['backend=app', 'revision=20', 'cluster=charlie'], 1, /Could not find any servers to manage/],
    ];
    for (const [inputs, expected, message] of cases) {
      const { code, stdout, stderr } = await lab.client(['orchestrate', 'app_cluster_upgrade', ...inputs]);
      assert.equal(code, expected, stdout + stderr);
      assert.match(stderr, message);
      assert.equal(stdout, '');
    }
    await lab.daemon('lb1').stop();
    await lab.client(['forget', 'lb1.devco.net']);
    const { code, stderr } = await lab.client(script);
    await lab.daemon('lb1').start();
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Could not find any loadbalancers to manage/);
    assert.deepEqual(await askedOfAll(lab), []);
  });

  test('runs the script of the seed: its output, its audit lines, one cluster changed, no request lost', async () => {
    const load = await lab.load({ rate: 200 });
    const { code, stdout, stderr } = await lab.client(script);
    const { requests, failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.deepEqual(await revisions(lab, ['dev1', 'dev3', 'dev5', 'dev7', 'dev9']), ['10', '10', '10', '10', '10']);
    assert.deepEqual(await inMaintenance(lab), []);

    const update = '/Stage[main]//App::Update[bravo]';
    const said = 'rip@devco.net updated 4 node cluster bravo to revision 20';
    const done = (nodes: string) => `executed successfully on ${nodes} after 1 try`;
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 7), [
      `${update}/Mco::Ping[bravo-lb]/Mcollective[ping_bravo-lb]/agent: rpcutil#ping ${done('1 node')}`,
      `${update}/Mco::Ping[bravo-workers]/Mcollective[ping_bravo-workers]/agent: rpcutil#ping ${done('4 nodes')}`,
      `${update}/Haproxy::Disable[bravo]/Mcollective[haproxy::disable::app/bravo]/agent: haproxy#disable ${done('1 node')}`,
      `${update}/Mcollective[update_bravo]/agent: appmgr#upgrade ${done('4 nodes')}`,
      `${update}/Nrpe::Runcommand[check_load]/Mcollective[nrpe_check_load]/agent: nrpe#runcommand ${done('4 nodes')}`,
      `${update}/Haproxy::Enable[bravo]/Mcollective[haproxy::enable::app/bravo]/agent: haproxy#enable ${done('1 node')}`,
      `/Stage[main]//Angelia[bravo]/Mcollective[angelia_notify_bravo]/agent: angelianotify#sendmsg ${done('1 node')}`,
    ]);
    const cow = lines.slice(7, -1).map((line) => line.replace('/Stage[main]//Mco::Say[done]/Exec[done]/returns: ', ''));
    assert.equal(cow[1], `< ${said} >`);
    assert.match(cow.join('\n'), /\(oo\)____[\s\S]*\|\|--\|\| \*\nexecuted successfully$/);
    assert.match(lines.at(-1) ?? '', /^Finished catalog run in \d+\.\d\d seconds$/);

    assert.deepEqual(ofTheScript(await asked(lab, 'dev2')), ['rpcutil.ping', 'appmgr.upgrade', 'nrpe.runcommand']);
    assert.deepEqual(ofTheScript(await asked(lab, 'lb1')), ['rpcutil.ping', 'haproxy.disable', 'haproxy.enable']);
    assert.deepEqual(ofTheScript(await asked(lab, 'notify1')), ['angelia.sendmsg']);
    assert.deepEqual(await asked(lab, 'dev1'), []);
    const shown = await lab.exec('notify1', ['mco-deploy', 'audit', 'show']);
    assert.match(
      shown.stdout,
      /caller=cert=rip@devco\.net agent=angelia action=sendmsg data=\{.*"puppet orchestration"/,
    );
    const [push] = await lab.webhooks(1);
    assert.match(JSON.stringify(push), /\/boxcar.*updated\+4\+node\+cluster\+bravo\+to\+revision\+20/);
  });
});
