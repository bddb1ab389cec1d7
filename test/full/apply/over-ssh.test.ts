import assert from 'node:assert/strict';
import { appendFile, readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { type AppliedEstate, startAppliedEstate } from '../../support/ssh/apply.ts';

const hosts = ['web1.devco.net', 'web2.devco.net'] as const;
const [web1, web2] = hosts;

let estate: AppliedEstate;

before(async () => {
  estate = await startAppliedEstate(hosts);
  await estate.declare();
});
after(() => estate?.[Symbol.asyncDispose]());

const pidOf = (host: string) => readFile(estate.path(host, 'run/mco-deploy.pid'), 'utf8');
const fileOf = (host: string, name: string) => readFile(estate.path(host, `etc/mco-deploy/${name}`), 'utf8');

describe('apply, over ssh', { timeout: 600_000 }, () => {
  test('shows every file as it would be, and changes nothing in a dry run', async () => {
    const { code, out, err } = await estate.apply('--dry-run');
    assert.equal(code, 0, err);
    assert.match(out, /^web1\.devco\.net, web2\.devco\.net:\n {2}over ssh; the daemon restarts$/m);
    assert.match(out, /\+ \/usr\/local\/bin\/mco-deploy/);
    assert.match(out, /\+ certificate \(has no key yet\)/);
    assert.match(out, /\+\+\+ \/etc\/mco-deploy\/node\.yaml/);
    assert.match(out, /\+\+\+ \/etc\/mco-deploy\/policies\/rpcutil\.policy/);
    assert.match(out, /^ {2}\+allow\tcert=rip@devco\.net\t\*\t\*\t\*$/m);
    assert.match(out, /2 hosts to change/);
    assert.equal((await estate.on(web1, 'ls /etc/mco-deploy 2>/dev/null')).out, '');
  });

  test('installs the hosts as nodes, the first one alone', async () => {
    const { code, out, err } = await estate.apply('--yes');
    assert.equal(code, 0, err);
    assert.match(out, /web1\.devco\.net is as fleet\.yaml says\nweb2\.devco\.net is as fleet\.yaml says/);
    const ping = await estate.run(['ping', '--nodes', estate.fleetFile, '--json']);
    assert.equal(ping.code, 0, ping.err);
  });

  test('finds nothing to do the second time', async () => {
    const [first, second] = await Promise.all([pidOf(web1), pidOf(web2)]);
    const { code, out } = await estate.apply('--ssh');
    assert.equal(code, 0);
    assert.equal(out, 'nothing to do: 2 hosts are as fleet.yaml says\n');
    assert.deepEqual([await pidOf(web1), await pidOf(web2)], [first, second]);
  });

  test('rewrites its own files, removes what is no longer declared, and keeps what others changed', async () => {
    await estate.declare({ role: '    classes: [web]\n' });
    assert.equal((await estate.apply('--ssh')).code, 0);
    assert.equal(await fileOf(web1, 'classes.txt'), 'web\n');
    await appendFile(estate.path(web2, 'etc/mco-deploy/node.yaml'), '# by hand\n');
    await estate.declare({ role: '    facts: { rack: a }\n' });
    const { code, hosts: planned, err } = await estate.apply('--ssh', '--json', '--dry-run');
    assert.equal(code, 2, err);
    assert.deepEqual(
      planned.map(({ files, kept }) => [files.map(({ path, after }) => [path, after]), kept.map(({ path }) => path)]),
      [
        [
          [
            ['/etc/mco-deploy/facts.d/install.yaml', 'rack: a\n'],
            ['/etc/mco-deploy/classes.txt', null],
          ],
          [],
        ],
        [
          [
            ['/etc/mco-deploy/facts.d/install.yaml', 'rack: a\n'],
            ['/etc/mco-deploy/classes.txt', null],
          ],
          ['/etc/mco-deploy/node.yaml'],
        ],
      ],
    );
    const done = await estate.apply('--ssh');
    assert.equal(done.code, 2, 'what others changed is not as fleet.yaml says');
    assert.match(done.out, /kept, because others changed it/);
    assert.match(done.out, /^ {2}-# by hand$/m);
    assert.match(await fileOf(web2, 'node.yaml'), /by hand/);
    await assert.rejects(fileOf(web1, 'classes.txt'), { code: 'ENOENT' });
    assert.equal((await estate.apply('--ssh', '--replace')).code, 0);
    assert.doesNotMatch(await fileOf(web2, 'node.yaml'), /by hand/);
    assert.deepEqual(parse(await fileOf(web2, 'facts.d/install.yaml')), { rack: 'a' });
  });

  test('refuses to lock out the operator who applies it, unless --force', async () => {
    await estate.declare({ operators: '  tom@devco.net: all\n' });
    const { code, err } = await estate.apply('--ssh');
    assert.equal(code, 64);
    assert.match(err, /this would lock you out of web1\.devco\.net: “operators” names tom@devco\.net, not /);
    const forced = await estate.apply('--ssh', '--force', '--dry-run');
    assert.equal(forced.code, 0, forced.err);
    await estate.declare();
    assert.equal((await estate.apply('--ssh')).code, 0);
  });

  test('stops after the first host that fails, and names those that were not touched', async () => {
    // Valid here, and the daemon cannot listen there.
    await estate.declare({ role: '    facts: { rack: b }\n    policies: {}\n' });
    const text = (await readFile(estate.fleetFile, 'utf8')).replace(
      'discovery:',
      'listen: { address: 192.0.2.1 }, discovery:',
    );
    const { writeFile } = await import('node:fs/promises');
    await writeFile(estate.fleetFile, text);
    const { code, err } = await estate.apply('--ssh', '--wait', '3');
    assert.equal(code, 2);
    assert.match(err, /web1\.devco\.net: it is installed, but does not answer/);
    assert.match(err, /not touched: web2\.devco\.net/);
    assert.doesNotMatch(await fileOf(web2, 'node.yaml'), /192\.0\.2\.1/);
    await estate.declare();
    assert.equal((await estate.apply('--ssh')).code, 0);
  });
});
