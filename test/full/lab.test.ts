import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { upServers } from '../support/lab/upgrades/cluster.ts';
import { planEstate } from '../support/lab/estate.ts';
import { stands } from '../support/lab/find.ts';
import { startLab } from '../support/lab/lab.ts';
import { buildLab } from '../support/lab/start.ts';
import { findLabs, isAlive, repository } from '../support/lab/state.ts';

/** Runs one of the lab's npm scripts as a person would. */
function npm(script: string, argv: readonly string[], options: { input?: string; lab?: string } = {}) {
  const { input, lab } = options;
  const env = { ...process.env, ...(lab === undefined ? {} : { MCO_LAB: lab }) };
  return spawnSync('npm', ['run', '--silent', script, '--', ...argv], {
    cwd: repository,
    env,
    encoding: 'utf8',
    // Without input there is none: a pipe, even an empty one, is a list of nodes to the client.
    ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
  });
}

describe('the lab', () => {
  test('gives each host its own address, name, configuration and daemon', async () => {
    await using lab = await startLab();
    assert.equal(lab.hosts.filter(({ kind }) => kind === 'web').length, 9);
    const { stdout } = await lab.exec('dev2', ['hostname']);
    assert.equal(stdout, 'dev2.devco.net\n');
    const { stdout: address } = await lab.exec('dev2', ['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']);
    assert.match(address, new RegExp(lab.hosts.find(({ name }) => name === 'dev2.devco.net')?.address ?? 'none'));
    const { stdout: configuration } = await lab.exec('lb1', ['cat', '/etc/mco-deploy/node.yaml']);
    assert.match(configuration, /haproxy/);
    assert.equal(await lab.revision('dev2'), '10');
    const check = await lab.exec('dev2', ['/usr/lib/nagios/plugins/check_http', '-H', '127.0.0.1', '-u', '/health']);
    assert.match(check.stdout, /HTTP OK/);
    assert.equal((await upServers(lab)).length, 9);
  });

  test('leaves the machine’s own network alone, and leaves nothing behind', async () => {
    const links = () => execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).split('\n').length;
    const before = links();
    const lab = await startLab({ hosts: 2 });
    assert.equal(links(), before);
    const { directory } = lab.state;
    await lab.stop();
    assert.equal(links(), before);
    assert.equal(existsSync(directory), false);
  });

  test('runs twice at the same time, with more hosts or load balancers, and neither hears the other', async () => {
    await using small = await startLab({ hosts: 3, lbs: 2 });
    await using other = await startLab({ hosts: 2 });
    const names = async (lab: typeof small) => (await lab.client(['find'])).stdout.trimEnd().split('\n');
    assert.deepEqual(
      await names(small),
      ['dev1', 'dev2', 'dev3', 'lb1', 'lb2', 'notify1', 'notify2'].map((name) => `${name}.devco.net`),
    );
    assert.deepEqual(
      await names(other),
      ['dev1', 'dev2', 'lb1', 'notify1', 'notify2'].map((name) => `${name}.devco.net`),
    );
  });

  test('passes streams and exit codes through its npm scripts unchanged', async () => {
    const up = npm('lab:up', ['--hosts', '2']);
    assert.equal(up.status, 0, up.stderr);
    const lab = /The lab (\S+) of \d+ hosts is up/.exec(up.stdout)?.[1] ?? assert.fail(up.stdout);
    try {
      const found = npm('lab:client', ['find', '-F', 'cluster=bravo'], { lab });
      assert.deepEqual([found.status, found.stdout], [0, 'dev2.devco.net\n'], found.stderr);
      assert.equal(npm('lab:client', ['find', '-F', 'cluster=charlie'], { lab }).status, 1);
      const echoed = npm('lab:exec', ['dev2', 'sh', '-c', 'cat; echo to error >&2; exit 7'], {
        lab,
        input: 'as it is\0',
      });
      assert.deepEqual([echoed.status, echoed.stdout, echoed.stderr], [7, 'as it is\0', 'to error\n']);
      assert.equal(npm('lab:exec', ['nobody', 'true'], { lab }).status, 69);
    } finally {
      const down = npm('lab:down', [lab]);
      assert.equal(down.status, 0, down.stderr);
    }
    assert.match(npm('lab:client', ['ping'], { lab }).stderr, /no lab is up/);
  });

  test('stops with the process that made it, even by SIGKILL, and lab:down removes what is left of it', async () => {
    const source = `import { startLab } from ${JSON.stringify(join(import.meta.dirname, '../support/lab/lab.ts'))};
      const lab = await startLab({ hosts: 1 });
      process.stdout.write(lab.state.id);
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [id] = (await once(owner.stdout, 'data')) as [Buffer];
    const find = async () => (await findLabs()).find((lab) => lab.id === String(id)) ?? assert.fail('no such lab');
    const lab = await find();
    assert.ok(stands(lab));
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    // They are nobody's children here: there is no event to wait for.
    while (Object.values(lab.holders).some(isAlive)) await delay(20);
    const down = npm('lab:down', [lab.id]);
    assert.deepEqual([down.status, down.stdout], [0, `The lab ${lab.id} is gone.\n`], down.stderr);
    assert.equal(existsSync(lab.directory), false);
    assert.equal(npm('lab:down', [lab.id]).stdout, 'No lab is up.\n', 'a second time does no harm');
  });

  test('reports why a host did not start, and removes the others', async () => {
    const mine = async () => (await findLabs()).filter(({ owner }) => owner.pid === process.pid).map(({ id }) => id);
    const before = await mine();
    const [first, ...others] = planEstate({ hosts: 2, lbs: 1 });
    // Longer than the kernel takes (sethostname(2)).
    const nameless = { ...(first ?? assert.fail()), name: `${'x'.repeat(60)}.devco.net` };
    await assert.rejects(
      buildLab([nameless, ...others], 'temporary'),
      /^Error: the lab host x+\.devco\.net did not come up:\n\S/,
    );
    assert.deepEqual(await mine(), before);
  });

  test('names the command for users who are not root', () => {
    // A user namespace without a mapping: nobody's uid, but the files stay readable wherever the project lies.
    const argv = ['--user', 'sh', 'build/node24', 'test/lab/up.ts'];
    const refused = spawnSync('unshare', argv, { cwd: repository, encoding: 'utf8', env: { PATH: process.env.PATH } });
    assert.equal(refused.status, 69, refused.stderr);
    assert.match(refused.stderr, /^lab: the lab needs root.*sudo npm run lab:up/);
  });
});
