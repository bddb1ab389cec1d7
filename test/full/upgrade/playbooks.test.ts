import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mailHost } from '../../support/lab/estate.ts';
import { deployer } from '../../support/lab/files/node.ts';
import { alfa, bravo, upServers } from '../../support/lab/upgrades/cluster.ts';
import { type Lab, startLab } from '../../support/lab/lab.ts';

const repository = join(import.meta.dirname, '../../..');

/** Each test leaves all servers in traffic, so that one lab serves them all. */
let lab: Lab;
before(async () => {
  lab = await startLab();
});
after(() => lab.stop());

const write = async (host: string, path: string, text: string) => {
  const file = lab.path(host, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
};
/** The calls to a host, by its audit log. */
const changes = async (host: string, action: string) =>
  (await lab.audit(host)).filter((one) => one.kind === 'intent' && one.action === action && !one.dry_run);

describe('a shipped playbook that reads or repairs, on twelve hosts', () => {
  test('mail_queue delivers waiting mail, with an agent in Python that the client does not know', async () => {
    for (const host of ['notify1', 'notify2']) {
      const directory = lab.path(host, 'etc/mco-deploy/agents.d');
      await mkdir(directory, { recursive: true });
      for (const file of ['mailqueue', 'mailqueue.json']) {
        await copyFile(join(repository, 'examples/agents', file), join(directory, file));
      }
      await write(
        host,
        'etc/mco-deploy/plugin.d/mailqueue',
        `queue = /var/spool/outbox\nserver = ${mailHost.address}\n`,
      );
      await write(
        host,
        'etc/mco-deploy/policies/mailqueue.policy',
        `policy default deny\nallow\tcert=${deployer}\t*\t*\t*\n`,
      );
      await mkdir(lab.path(host, 'var/spool/outbox'), { recursive: true });
    }
    for (const number of [1, 2, 3]) {
      const mail = `From: a@devco.net\nTo: b@devco.net\nSubject: waiting ${number}\n\nhello\n`;
      await write('notify2', `var/spool/outbox/${number}`, mail);
    }
    for (const host of ['notify1', 'notify2']) await lab.daemon(host).reload();
    // The new agent is announced a moment after the reload.
    const known = async () => (await lab.client(['find', '-A', 'mailqueue'])).stdout.split('\n').filter(Boolean).length;
    for (let tries = 0; tries < 50 && (await known()) < 2; tries++);
    const { code, stdout, stderr } = await lab.client(['run', 'mail_queue']);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /mailqueue#deliver executed successfully on 1 node after 1 try/);
    assert.match(stdout, /notify2\.devco\.net delivered 3/);
    assert.match(stdout, /waiting now: notify1\.devco\.net 0; notify2\.devco\.net 0/);
    const subjects = (await lab.mail(3)).map(({ data }) => /^Subject: (.*?)\r?$/m.exec(String(data))?.[1]);
    assert.deepEqual(subjects.sort(), ['waiting 1', 'waiting 2', 'waiting 3']);
    const again = await lab.client(['run', 'mail_queue']);
    assert.match(again.stdout, /nothing waits on 2 relays/);
  });

  test('a playbook is checked against the nodes’ description of an agent before any call', async () => {
    await write(
      'control',
      'tmp/typo.yaml',
      'name: typo\nnodes: {all: {agents: [mailqueue]}}\nsteps:\n  - {call: mailqueue.deliver, on: all, with: {mots: 3}}\n',
    );
    const { code, stderr } = await lab.client(['run', '/tmp/typo.yaml']);
    assert.equal(code, 64, stderr);
    assert.match(stderr, /\/tmp\/typo\.yaml:4:47: mailqueue#deliver has no input “mots”: did you mean “most”\?/);
    const checked = await lab.client(['playbook', 'check', 'mail_queue', '--online']);
    assert.equal(checked.code, 0, checked.stderr);
  });

  test('fleet_check judges all machines together, and allows the given number of exceptions', async () => {
    const good = await lab.client(['run', 'fleet_check', 'command=check_load']);
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /check_load is OK on 9 of 9 machines/);
    await lab.setLoad('dev3', '99.00 99.00 99.00 1/100 1000');
    const bad = await lab.client(['run', 'fleet_check', 'command=check_load']);
    assert.equal(bad.code, 2, bad.stdout);
    assert.match(bad.stdout, /check_load is not OK on 1 of 9: dev3\.devco\.net CRITICAL/);
    const allowed = await lab.client(['run', 'fleet_check', 'command=check_load', 'allowed=1']);
    assert.equal(allowed.code, 0, allowed.stdout);
    await lab.setLoad('dev3', '0.10 0.08 0.05 1/100 1000');
  });
});

describe('a shipped playbook that takes servers out of traffic', () => {
  test('maintenance takes servers out, and puts them back', async () => {
    const words = ['run', 'maintenance', 'backend=app', `servers=${bravo[0]},${bravo[1]}`];
    const on = await lab.client([...words, 'state=on']);
    assert.equal(on.code, 0, on.stdout + on.stderr);
    assert.match(on.stdout, /out of traffic: dev2\.devco\.net, dev4\.devco\.net of app on lb1\.devco\.net/);
    assert.deepEqual(await upServers(lab), [...alfa, ...bravo.slice(2)].sort());
    assert.equal((await lab.client([...words, 'state=off'])).code, 0);
    assert.deepEqual(await upServers(lab), [...alfa, ...bravo].sort());
  });

  test('rolling_restart restarts every server once, out of traffic, and loses no request', async () => {
    const load = await lab.load({ rate: 150 });
    const { code, stdout, stderr } = await lab.client([
      'run',
      'rolling_restart',
      'cluster=alfa',
      'backend=app',
      'batch=2',
    ]);
    const { failures, requests } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.match(stdout, /rip@devco\.net restarted 5 servers of cluster alfa/);
    for (const host of alfa) assert.equal((await changes(host, 'restart')).length, 1, host);
    assert.equal((await changes(bravo[0] ?? '', 'restart')).length, 0);
    assert.equal((await upServers(lab)).length, 9);
  });

  test('a dry run names every node on which the caller lacks the right, and calls no action on it', async () => {
    const file = lab.path('dev4', 'etc/mco-deploy/policies/appmgr.policy');
    const policy = await readFile(file, 'utf8');
    await writeFile(file, policy.replace('upgrade ', ''));
    await lab.daemon('dev4').reload();
    const before = (await lab.audit('dev4')).length;
    const dry = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', '20', '--dry-run']);
    assert.equal(dry.code, 2, dry.stdout + dry.stderr);
    assert.match(
      dry.stdout,
      /rights: 7 nodes asked: not all of it is allowed\n {2}dev4\.devco\.net: you may not appmgr\.upgrade there/,
    );
    const asked = (await lab.audit('dev4')).slice(before).filter(({ kind }) => kind === 'intent');
    assert.deepEqual(
      asked.map(({ action }) => action),
      ['may_i'],
    );
    await writeFile(file, policy);
    await lab.daemon('dev4').reload();
    const allowed = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', '20', '--dry-run', '-v']);
    assert.equal(allowed.code, 0, allowed.stdout + allowed.stderr);
    assert.match(allowed.stdout, /^dev4\.devco\.net: 10 → 20; out of app on lb1\.devco\.net \(5 of 9 stay\)$/m);
    assert.match(
      allowed.stdout,
      /update: appmgr#upgrade on 4 nodes in 2 batches: dev2\.devco\.net, dev4\.devco\.net \| /,
    );
    assert.match(allowed.stdout, /dev4\.devco\.net would answer .*changed=true/);
    assert.equal(await lab.revision('dev4'), '10');
    const trace = await lab.client(['audit', 'trace', await lastRun()]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
  });

  test('a canary upgrade watches one server in traffic before the others follow, and loses no request', async () => {
    const load = await lab.load({ rate: 150 });
    const words = [
      'upgrade',
      '--cluster',
      'bravo',
      '--rev',
      '20',
      '--strategy',
      'canary',
      '--soak',
      '1s',
      '--no-notify',
    ];
    const { code, stdout, stderr } = await lab.client(words);
    const { failures, bodies } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    assert.equal(Object.keys(bodies).length, 2, 'both revisions were served');
    for (const host of bravo) assert.equal((await changes(host, 'upgrade')).length, 1, host);
    assert.equal(await lab.revision('dev8'), '20');
    assert.equal((await changes('lb1', 'disable')).length, 1 + 3 + 3, 'maintenance, restart and upgrade');
    const trace = await lab.client(['audit', 'trace', await lastRun()]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
  });

  const lastRun = async (): Promise<string> => {
    const { stdout } = await lab.client(['runs', '--json', '--limit', '1']);
    const [run] = JSON.parse(stdout) as { run: string }[];
    return run?.run ?? '';
  };
});
