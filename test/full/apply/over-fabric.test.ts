import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { type AppliedEstate, startAppliedEstate } from '../../support/ssh/apply.ts';

const hosts = ['web1.devco.net', 'web2.devco.net'] as const;
const [web1, web2] = hosts;

let estate: AppliedEstate;

before(async () => {
  estate = await startAppliedEstate(hosts);
  await estate.declare();
  const { code, out, err } = await estate.apply('--yes');
  assert.equal(code, 0, out + err);
});
after(() => estate?.[Symbol.asyncDispose]());

const fileOf = (host: string, name: string) => readFile(estate.path(host, `etc/mco-deploy/${name}`), 'utf8');
const pidOf = (host: string) => readFile(estate.path(host, 'run/mco-deploy.pid'), 'utf8');

describe('apply, over the fabric', { timeout: 600_000 }, () => {
  test('finds nothing to do on the nodes that it installed', async () => {
    const { code, out, err } = await estate.apply();
    assert.equal(code, 0, err);
    assert.equal(out, 'nothing to do: 2 hosts are as fleet.yaml says\n');
  });

  test('changes nodes without ssh: shows the difference, restarts only what must restart, keeps what others changed', async () => {
    const pids = await Promise.all(hosts.map(pidOf));
    await appendFile(estate.path(web2, 'etc/mco-deploy/policies/lock.policy'), '# by hand\n');
    await estate.declare({ role: '    facts: { rack: a }\n' });
    const planned = await estate.apply('--dry-run', '--json');
    assert.deepEqual(
      planned.hosts.map(({ way, effect, files }) => [
        way,
        effect,
        files.map(({ path, before, after }) => [path, before, after]),
      ]),
      hosts.map(() => ['fabric', 'reload', [['/etc/mco-deploy/facts.d/install.yaml', null, 'rack: a\n']]]),
    );
    const { code, out, err } = await estate.apply('--yes');
    assert.equal(code, 2, 'what others changed is not as fleet.yaml says');
    assert.match(out, /web2\.devco\.net is as fleet\.yaml says, except for files that others changed/, err);
    assert.equal(await fileOf(web1, 'facts.d/install.yaml'), 'rack: a\n');
    assert.deepEqual(await Promise.all(hosts.map(pidOf)), pids);
    const facts = await estate.run(['facts', 'rack', '--nodes', estate.fleetFile, '--json']);
    assert.match(facts.out, /"count": 2/);
  });

  test('keeps what others changed, until --replace', async () => {
    await estate.declare({ role: '    facts: { rack: a }\n    policies: { lock: ["deny cert=eve@devco.net * *"] }\n' });
    const kept = await estate.apply('--yes');
    assert.equal(kept.code, 2);
    assert.match(kept.out, /kept, because others changed it/);
    assert.match(await fileOf(web2, 'policies/lock.policy'), /by hand/);
    assert.match(await fileOf(web1, 'policies/lock.policy'), /deny\tcert=eve/);
    assert.equal((await estate.apply('--yes', '--replace')).code, 0);
    assert.doesNotMatch(await fileOf(web2, 'policies/lock.policy'), /by hand/);
  });

  test('restarts a daemon for new settings, and removes what is no longer declared', async () => {
    const pid = await pidOf(web1);
    const role =
      '    classes: [web]\n    checks: { check_load: "/usr/lib/nagios/plugins/check_load -w 9,9,9 -c 9,9,9" }\n';
    await estate.declare({ role });
    const { code, out, err } = await estate.apply('--yes');
    assert.equal(code, 0, out + err);
    assert.notEqual(await pidOf(web1), pid);
    const check = await estate.run(['nrpe', 'check_load', '--nodes', estate.fleetFile]);
    assert.doesNotMatch(check.out + check.err, /not defined/);
    await estate.declare();
    assert.equal((await estate.apply('--yes')).code, 0);
    await assert.rejects(fileOf(web1, 'nrpe.cfg'), { code: 'ENOENT' });
    await assert.rejects(fileOf(web1, 'facts.d/install.yaml'), { code: 'ENOENT' });
  });

  test('a node that no longer replies goes back by itself, and the others stay unchanged', async () => {
    // A short time to confirm, only here: elsewhere a busy machine would need longer, and the node would go back.
    await appendFile(estate.path(web1, 'etc/mco-deploy/helper.yaml'), 'patience: 5\n');
    const before = await fileOf(web1, 'node.yaml');
    const text = await readFile(estate.fleetFile, 'utf8');
    await writeFile(estate.fleetFile, text.replace('discovery:', 'listen: { address: 192.0.2.1 }, discovery:'));
    const { code, err } = await estate.apply('--yes');
    assert.equal(code, 2);
    assert.match(err, /web1\.devco\.net: web1\.devco\.net went back to its last good configuration/);
    assert.match(err, /not touched: web2\.devco\.net/);
    assert.equal(await fileOf(web1, 'node.yaml'), before);
    await estate.declare();
    assert.equal((await estate.apply()).code, 0);
  });

  test('the helper refuses an operator without the right, whatever the policies of the daemon allow', async () => {
    await writeFile(estate.path(web1, 'etc/mco-deploy/policies/config.policy'), 'policy default allow\n');
    await estate.on(web1, '/usr/local/sbin/mco-init restart');
    // A node that does not answer yet would be changed over ssh.
    await eventually(async () => {
      const { code, out, err } = await estate.run(['ping', '--nodes', estate.fleetFile, '-I', web1]);
      assert.equal(code, 0, out + err);
    });
    const file = estate.path(web1, 'etc/mco-deploy/helper.yaml');
    const settings = await readFile(file, 'utf8');
    await writeFile(file, settings.replace('rip@devco.net', 'tom@devco.net'));
    await estate.declare({ role: '    facts: { rack: c }\n' });
    const { code, out, err } = await estate.apply('--yes', '--host', web1);
    assert.equal(code, 2);
    assert.match(err, /rip@devco\.net has no right to write .*facts/, out);
    await writeFile(file, settings);
  });
});
