import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { haproxyConfig } from '../../support/lab/files/balancer.ts';
import { isUp } from '../../support/lab/traffic/haproxy.ts';
import { must, reload, setStage, webOf } from '../../support/lab/topologies/stage.ts';
import { type Topology, topologies } from '../../support/lab/topologies/topologies.ts';
import { assertUntouched, windowOf } from '../../support/lab/topologies/witness.ts';

const named = (start: string) => topologies.find(({ name }) => name.startsWith(start)) as Topology;
const plain = named('one backend');
const bravo = ['dev2.devco.net', 'dev4.devco.net'];

let lab: Lab;
before(async () => {
  lab = await startLab({ hosts: 4 });
});
after(() => lab.stop());

/** Puts in everything that an earlier test left out, then sets the load balancer up again. */
async function begin(topology: Topology, restoring = false, served?: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await lab.client(['rpc', 'haproxy', 'enable', `server=${bravo.join(',')}`]);
  assert.equal(code, 0, stdout + stderr);
  await setStage(lab, topology, restoring, served);
}

/** The command that deploys the revision that the cluster does not have. */
async function upgradeTo(...more: readonly string[]): Promise<{ argv: string[]; from: string }> {
  const from = await lab.revision('dev2');
  const argv = ['upgrade', '--cluster', 'bravo', '--rev', from === '20' ? '10' : '20', '--no-notify', ...more];
  return { argv, from };
}

const gate = '/run/gate';

/** An upgrade that stands at its check of the load until `act` is done: the servers are out, and not yet put back. */
async function whileOut(act: () => Promise<void>, ...more: readonly string[]) {
  const nrpe = '/etc/nagios/nrpe.cfg';
  await must(lab, 'dev2', `test -p ${gate} || mkfifo -m 666 ${gate}; cp ${nrpe} ${nrpe}.kept`);
  await must(lab, 'dev2', `echo 'command[check_load]=/bin/cat ${gate}' > ${nrpe}`);
  const { argv } = await upgradeTo(...more);
  const asked = await checks();
  const run = lab.client(argv);
  const early = run.then(({ code, stdout, stderr }) =>
    assert.fail(`the run ended with ${code} before its check: ${stdout}${stderr}`),
  );
  try {
    await Promise.race([eventually(async () => assert.ok((await checks()) > asked)), early]);
    await act();
    await must(lab, 'dev2', `echo OK > ${gate}`);
  } finally {
    await must(lab, 'dev2', `mv ${nrpe}.kept ${nrpe}`);
  }
  return run;
}

/** The number of checks that dev2 received. */
async function checks(): Promise<number> {
  return (await lab.audit('dev2')).filter(({ kind, agent }) => kind === 'intent' && agent === 'nrpe').length;
}

async function statusOf(): Promise<string> {
  return (await lab.client(['status'])).stdout;
}

describe('HAProxy is reloaded while servers are out', () => {
  test('sends hosts no requests if states are restored, and the upgrade ends well', async () => {
    await begin(plain, true);
    const since = Date.now();
    const load = await lab.load({ rate: 150 });
    const { code, stdout, stderr } = await whileOut(() => reload(lab, 'lb1'));
    const { failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    for (const host of bravo) await assertUntouched(lab, host, since);
  });

  test('ends the run with exit code 2, names the cause and leaves the servers out if states are lost', async () => {
    await begin(plain);
    const { code, stdout } = await whileOut(() => reload(lab, 'lb1'));
    assert.equal(code, 2, stdout);
    assert.match(
      stdout,
      /dev2\.devco\.net was put into traffic on lb1\.devco\.net .*HAProxy was reloaded or restarted/,
    );
    const status = await statusOf();
    assert.match(status, /^ {2}dev2\.devco\.net {3}lb1\.devco\.net {3}MAINT in app .*put in once meanwhile/m);
    assert.match(status, /^ {2}dev4\.devco\.net {3}lb1\.devco\.net {3}MAINT in app /m);
    const resumed = await lab.client(['resume', /resume (\S+)/.exec(stdout)?.[1] ?? '']);
    assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
    assert.match(await statusOf(), /^all servers take traffic$/m);
  });

  test('leaves only the same hosts out if slots are renumbered, and the run ends with exit code 2', async () => {
    const slots = named('slots');
    await begin(slots);
    const after = webOf(lab)
      .slice(1)
      .map((host, index) => ({ ...host, name: `web${index + 1}` }));
    const { code, stdout } = await whileOut(async () => {
      await writeFile(lab.path('lb1', 'etc/haproxy/haproxy.cfg'), haproxyConfig(after));
      await reload(lab, 'lb1');
    });
    assert.equal(code, 2, stdout);
    const servers = await lab.servers();
    // dev2 is web1 now, dev3 web2, dev4 web3.
    assert.deepEqual(
      servers.map((server) => [server.name, isUp(server) ? 'UP' : server.status]),
      [
        ['web1', 'MAINT'],
        ['web2', 'UP'],
        ['web3', 'MAINT'],
      ],
    );
  });

  test('ends the run with exit code 2, the servers out, if HAProxy is killed and started again', async () => {
    await begin(plain);
    const { code, stdout } = await whileOut(async () => {
      await must(
        lab,
        'lb1',
        'kill -9 $(cat /run/haproxy.pid); haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid',
      );
    });
    assert.equal(code, 2, stdout);
    assert.match(await statusOf(), /^ {2}dev2\.devco\.net {3}lb1\.devco\.net {3}MAINT in app /m);
  });
});

describe('another program or person that enables servers', () => {
  test('a tool that switches the agent-check on repeatedly: exit code 2, nothing upgraded, the cause named', async () => {
    await begin(named('an agent-check'));
    let over = false;
    const tool = (async () => {
      while (!over) await lab.haproxy('lb1', 'enable agent app/dev2.devco.net');
    })();
    const { argv, from } = await upgradeTo();
    const { code, stdout } = await lab.client(argv);
    over = true;
    await tool;
    assert.equal(code, 2, stdout);
    assert.match(stdout, /agent-check, which something switched on again/);
    for (const host of ['dev2', 'dev4']) assert.equal(await lab.revision(host), from, host);
  });

  test('a person, by a command: exit code 2, and the failure names the time and where to see it', async () => {
    await begin(plain);
    const { code, stdout } = await whileOut(async () => {
      await lab.haproxy('lb1', 'set server app/dev4.devco.net state ready');
    });
    assert.equal(code, 2, stdout);
    assert.match(
      stdout,
      /dev4\.devco\.net was put into traffic .*app\/dev4\.devco\.net, noticed 20\S+Z: a person or another tool .* see HAProxy’s log/,
    );
    assert.match(await statusOf(), /^ {2}dev4\.devco\.net {3}lb1\.devco\.net {3}MAINT in app /m);
  });
});

describe('a backend of two servers, one of them down', () => {
  const two: Topology = {
    name: 'one of two is down',
    paths: ['/'],
    config: (hosts) => haproxyConfig(hosts.filter(({ cluster }) => cluster === 'bravo')),
  };

  test('a rolling upgrade begins with the one that is down, and loses no request', async () => {
    await begin(two, false, bravo);
    const { argv, from } = await upgradeTo('--strategy', 'rolling', '--batch', '1');
    const since = Date.now();
    const health = `/srv/app/releases/${from}/health`;
    await must(lab, 'dev4', `mv ${health} ${health}.away`);
    while (!(await lab.servers()).some(({ name, status }) => name.startsWith('dev4') && status === 'DOWN'));
    const load = await lab.load({ rate: 60 });
    const { code, stdout, stderr } = await lab.client(argv);
    await must(lab, 'dev4', `mv ${health}.away ${health}`);
    const { failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    const first = await windowOf(lab, 'dev4.devco.net', since);
    const second = await windowOf(lab, 'dev2.devco.net', since);
    assert.ok(first.to < second.from, 'dev4 before dev2');
  });

  test('both at once are refused', async () => {
    await begin(two, false, bravo);
    const { argv, from } = await upgradeTo('--strategy', 'parallel');
    const { code, stdout } = await lab.client(argv);
    assert.equal(code, 2, stdout);
    assert.match(stdout, /would leave 0 usable servers in the backend “app”/);
    for (const host of ['dev2', 'dev4']) assert.equal(await lab.revision(host), from, host);
  });
});

describe('an upgrade that is limited to one of several backends', () => {
  const serving = 'still serving in static/dev2.devco.net on lb1.devco.net';

  test('lists in the dry run and the run what still serves, and another list does not avoid the lease', async () => {
    await begin(named('several backends'));
    const { argv } = await upgradeTo('--backend', 'app');
    const dry = await lab.client([...argv, '--dry-run']);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, new RegExp(`^dev2\\.devco\\.net: .*; ${serving}$`, 'm'));
    const { code, stdout, stderr } = await whileOut(
      async () => {
        const other = await upgradeTo('--backend', 'static');
        const refused = await lab.client(other.argv);
        assert.notEqual(refused.code, 0);
        assert.match(refused.stdout + refused.stderr, /the lease “bravo” is held by cert=rip@devco\.net/);
        assert.match(
          await statusOf(),
          /^ {2}dev2\.devco\.net {3}lb1\.devco\.net {3}MAINT in app.*still serving in static/m,
        );
      },
      '--backend',
      'app',
    );
    assert.equal(code, 0, stdout + stderr);
    assert.ok(stdout.includes(`dev2.devco.net is ${serving}`), stdout);
  });
});
