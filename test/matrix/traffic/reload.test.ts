import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { haproxyConfig } from '../../support/lab/files/balancer.ts';
import { must, reload, setStage, webOf } from '../../support/lab/topologies/stage.ts';
import { type Topology, topologies } from '../../support/lab/topologies/topologies.ts';
import { assertUntouched, windowOf } from '../../support/lab/topologies/witness.ts';

const named = (start: string) => topologies.find(({ name }) => name.startsWith(start)) as Topology;
const plain = named('one backend');
const upgrade = ['upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify'];
const high = '99.00 99.00 99.00 1/100 1000';
const low = '0.10 0.10 0.10 1/100 1000';

/** An upgrade that stands at its check of the load until `act` is done: the servers are out, and not yet put back. */
async function whileOut(lab: Lab, act: () => Promise<void>) {
  await lab.setLoad('dev2', high);
  const run = lab.client(upgrade);
  await lab.calls('dev2', 'nrpe', 'runcommand', 1);
  await act();
  await lab.setLoad('dev2', low);
  return run;
}

async function statusOf(lab: Lab): Promise<string> {
  return (await lab.client(['status'])).stdout;
}

describe('HAProxy is reloaded while servers are out', () => {
  test('and restores its servers’ states: no request reaches them, and the upgrade ends well', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, plain, true);
    const load = await lab.load({ rate: 150 });
    const { code, stdout, stderr } = await whileOut(lab, () => reload(lab, 'lb1'));
    const { failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    for (const host of ['dev2.devco.net', 'dev4.devco.net']) await assertUntouched(lab, host);
  });

  test('and forgets them: the run ends with exit code 2, the cause named and the servers out', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, plain);
    const { code, stdout } = await whileOut(lab, () => reload(lab, 'lb1'));
    assert.equal(code, 2, stdout);
    assert.match(
      stdout,
      /dev2\.devco\.net was put into traffic on lb1\.devco\.net .*HAProxy was reloaded or restarted/,
    );
    const status = await statusOf(lab);
    assert.match(status, /^dev2\.devco\.net {3}lb1\.devco\.net {3}MAINT in app .*put in once meanwhile/m);
    assert.match(status, /^dev4\.devco\.net {3}lb1\.devco\.net {3}MAINT in app /m);
    const resumed = await lab.client(['resume', /resume (\S+)/.exec(stdout)?.[1] ?? '']);
    assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
    assert.equal(await statusOf(lab), 'all servers take traffic\n');
  });

  test('with its slots renumbered: the hosts that were taken out are out, no others, and the run ends with exit code 2', async () => {
    await using lab = await startLab({ hosts: 4 });
    const slots = named('slots');
    await setStage(lab, slots);
    const after = webOf(lab)
      .slice(1)
      .map((host, index) => ({ ...host, name: `web${index + 1}` }));
    const { code, stdout } = await whileOut(lab, async () => {
      await writeFile(lab.path('lb1', 'etc/haproxy/haproxy.cfg'), haproxyConfig(after));
      await reload(lab, 'lb1');
    });
    assert.equal(code, 2, stdout);
    const servers = await lab.servers();
    // dev2 is web1 now, dev3 web2, dev4 web3.
    assert.deepEqual(
      servers.map(({ name, status }) => [name, status]),
      [
        ['web1', 'MAINT'],
        ['web2', 'UP'],
        ['web3', 'MAINT'],
      ],
    );
  });

  test('and killed and started again: exit code 2, the servers out', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, plain);
    const { code, stdout } = await whileOut(lab, async () => {
      await must(
        lab,
        'lb1',
        'kill -9 $(cat /run/haproxy.pid); haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid',
      );
    });
    assert.equal(code, 2, stdout);
    assert.match(await statusOf(lab), /^dev2\.devco\.net {3}lb1\.devco\.net {3}MAINT in app /m);
  });
});

describe('something else puts servers in', () => {
  test('a tool that switches the agent-check on again and again: exit code 2, nothing upgraded, the cause named', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, named('an agent-check'));
    let over = false;
    const tool = (async () => {
      while (!over) await lab.haproxy('lb1', 'enable agent app/dev2.devco.net');
    })();
    const { code, stdout } = await lab.client(upgrade);
    over = true;
    await tool;
    assert.equal(code, 2, stdout);
    assert.match(stdout, /agent-check, which something switched on again/);
    for (const host of ['dev2', 'dev4']) assert.equal(await lab.revision(host), '10', host);
  });

  test('a person, by a command: exit code 2, and the failure says when, and where that can be seen', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, plain);
    const { code, stdout } = await whileOut(lab, async () => {
      await lab.haproxy('lb1', 'set server app/dev4.devco.net state ready');
    });
    assert.equal(code, 2, stdout);
    assert.match(
      stdout,
      /dev4\.devco\.net was put into traffic .*app\/dev4\.devco\.net, noticed 20\S+Z: a person or another tool .* see HAProxy’s log/,
    );
    assert.match(await statusOf(lab), /^dev4\.devco\.net {3}lb1\.devco\.net {3}MAINT in app /m);
  });
});

describe('of two servers, one is down', () => {
  const two: Topology = {
    name: 'one of two is down',
    paths: ['/'],
    config: (hosts) => haproxyConfig(hosts.filter(({ cluster }) => cluster === 'bravo')),
  };

  test('a rolling upgrade begins with that one, and loses no request', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, two, false, ['dev2.devco.net', 'dev4.devco.net']);
    await must(lab, 'dev4', 'rm /srv/app/releases/10/health');
    while (!(await lab.servers()).some(({ name, status }) => name.startsWith('dev4') && status === 'DOWN'));
    const load = await lab.load({ rate: 60 });
    const { code, stdout, stderr } = await lab.client([...upgrade, '--strategy', 'rolling', '--batch', '1']);
    const { failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    const first = await windowOf(lab, 'dev4.devco.net');
    const second = await windowOf(lab, 'dev2.devco.net');
    assert.ok(first.to < second.from, 'dev4 before dev2');
  });

  test('both at once are refused', async () => {
    await using lab = await startLab({ hosts: 4 });
    await setStage(lab, two, false, ['dev2.devco.net', 'dev4.devco.net']);
    const { code, stdout } = await lab.client(upgrade);
    assert.equal(code, 2, stdout);
    assert.match(stdout, /would leave 0 usable servers in the backend “app”/);
    for (const host of ['dev2', 'dev4']) assert.equal(await lab.revision(host), '10', host);
  });
});
