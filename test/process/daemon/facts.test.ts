import assert from 'node:assert/strict';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { keepFresh, startNodeTruth } from '../../../src/daemon/facts/node-truth.ts';
import { silentLog, temporaryDirectory } from '../../support/agents/agent-setup.ts';

let home: string;
let directory: string;

const makeDirectory = async () => {
  home = temporaryDirectory();
  directory = join(home, 'facts.d');
  await mkdir(directory);
};

const start = (more: { files?: string[] } = {}) =>
  startNodeTruth({ directory, files: [], classes: join(home, 'classes.txt'), ...more }, runCommand, silentLog);

const program = async (name: string, body: string, mode = 0o755) => {
  await writeFile(join(directory, name), `#!/bin/sh\n${body}\n`);
  await chmod(join(directory, name), mode);
};

/** Facts as a daemon has them: real files, real programs. */
describe('the facts of a node', () => {
  beforeEach(makeDirectory);

  test('come from the operating system', async () => {
    const { facts } = await start();
    const { os, kernel, processors, memory, disks, network, uptime, virtualisation } = facts() as Record<
      string,
      Record<string, never>
    >;
    assert.equal(os?.name, 'debian');
    assert.equal(kernel?.name, 'linux');
    assert.ok(Number(processors?.count) > 0);
    assert.ok(Number(memory?.available_bytes) > 0 && Number(memory?.total_bytes) >= Number(memory?.available_bytes));
    const measured = Object.entries(disks ?? {}) as [string, { size_bytes: number; available_bytes: number }][];
    assert.ok(measured.length > 0, 'no disk was found');
    for (const [at, { size_bytes, available_bytes }] of measured) {
      assert.ok(size_bytes > 0 && available_bytes >= 0 && size_bytes >= available_bytes, at);
    }
    assert.match(JSON.stringify(network?.interfaces), /"lo":\{"mac":"[0:]+","addresses":\["127\.0\.0\.1\/8"/);
    assert.ok(Number(uptime) > 0);
    assert.equal(typeof virtualisation?.type, 'string');
  });

  test('are overlaid by JSON, YAML and programs, in the order of their names', async () => {
    await writeFile(join(directory, '10-a.json'), '{"cluster":"alfa","os":{"name":"own"}}');
    await writeFile(join(directory, '20-b.yaml'), 'cluster: bravo\nrack: 4\n');
    await program('30-json', 'echo \'{"rack": 5, "role": {"name": "web"}}\'');
    await program('40-lines.sh', 'echo role_owner=ops; echo "note=a = b"');
    await program('50-yaml', 'printf "zone: [a, b]\\n"');
    await program('.hidden', 'echo cluster=hidden');
    await writeFile(join(directory, 'README'), 'no facts\n');
    const { facts, warnings } = await start();
    const { cluster, os, rack, role, role_owner, note, zone } = facts();
    assert.deepEqual(
      [cluster, os, rack, role, role_owner, note, zone],
      ['bravo', { name: 'own' }, 5, { name: 'web' }, 'ops', 'a = b', ['a', 'b']],
    );
    assert.deepEqual(warnings(), []);
  });

  test('include Puppet’s facts and classes as Puppet left them', async () => {
    const file = join(home, 'dev2.yaml');
    await writeFile(
      file,
      [
        '--- !ruby/object:Puppet::Node::Facts',
        'name: dev2.devco.net',
        'values:',
        '  cluster: bravo',
        '  os:',
        '    family: Debian',
        '  !ruby/sym _timestamp: 2026-11-24 17:00:00 +0000',
        "  trusted: {authenticated: 'remote'}",
        'timestamp: 2026-11-24 17:00:00.1 +00:00',
        'expiration: 2026-11-24 17:30:00.1 +00:00',
        '',
      ].join('\n'),
    );
    const plain = join(home, 'facts.yaml');
    await writeFile(plain, '---\n"virtual": "physical"\ncluster: overlaid\n');
    await writeFile(join(home, 'classes.txt'), 'settings\nprofile::web\n\nrole::app\n');
    const { facts, classes, warnings } = await start({ files: [plain, file] });
    assert.deepEqual(warnings(), []);
    assert.deepEqual([facts().cluster, facts().os, facts().virtual], ['bravo', { family: 'Debian' }, 'physical']);
    assert.equal(facts().name, undefined);
    assert.deepEqual(classes(), ['settings', 'profile::web', 'role::app']);
  });

  test('are refreshed after their age, and a change is reported', async () => {
    await writeFile(join(directory, 'site.yaml'), 'cluster: bravo\n');
    const truth = await start();
    await writeFile(join(directory, 'site.yaml'), 'cluster: alfa\n');
    let stop = () => {};
    // The timer keeps no process alive: something else must, while it is waited for.
    const alive = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => {
      stop = keepFresh(
        truth,
        0.02,
        async () => resolve(),
        (error) => assert.fail(String(error)),
      );
    });
    stop();
    clearInterval(alive);
    assert.equal(truth.facts().cluster, 'alfa');
  });
});

describe('the facts of a node with unusable programs', () => {
  beforeEach(makeDirectory);

  test('stay unchanged if a file or a program breaks, and a warning reports it', async () => {
    await writeFile(join(directory, 'site.yaml'), 'cluster: bravo\n');
    await program('rack', 'echo rack=4');
    const { facts, reload, warnings } = await start();
    await writeFile(join(directory, 'site.yaml'), 'cluster: [\n');
    await program('rack', 'echo "no rack" >&2; exit 3');
    await reload();
    assert.deepEqual([facts().cluster, facts().rack], ['bravo', '4']);
    const [first, second] = warnings();
    assert.match(first ?? '', /rack refused, the last good ones stay: it ended with exit code 3$/);
    assert.match(second ?? '', /site\.yaml refused, the last good ones stay: /);
    await rm(join(directory, 'rack'));
    await writeFile(join(directory, 'site.yaml'), 'cluster: alfa\n');
    await reload();
    assert.deepEqual([facts().cluster, facts().rack, warnings()], ['alfa', undefined, []]);
  });

  test('are not read from programs that others may write, that hang, print without end, or print no facts', async () => {
    await program('shared', `touch ${home}/ran; echo x=1`, 0o775);
    await program('hang', 'sleep 60');
    await program('babble', 'yes');
    await program('nonsense', 'echo "- a"; echo "- b"');
    await program('prototype', 'echo \'{"__proto__": {"x": 1}}\'');
    await program('killed', 'kill -9 $$');
    const { facts, warnings } = await start();
    const wrong = Object.fromEntries(warnings().map((text) => [/facts\.d\/(\w+) /.exec(text)?.[1], text]));
    assert.match(wrong.shared ?? '', /can be written by other users/);
    assert.match(wrong.hang ?? '', /did not end within 5 s/);
    assert.match(wrong.babble ?? '', /did not end within 5 s|printed more/);
    assert.match(wrong.nonsense ?? '', /not a mapping/);
    assert.match(wrong.prototype ?? '', /__proto__/);
    assert.match(wrong.killed ?? '', /ended by SIGKILL/);
    await assert.rejects(rm(join(home, 'ran')), { code: 'ENOENT' });
    assert.equal(facts().x, undefined);
  });

  test('are not read from a program in a directory that others may write', async () => {
    await program('rack', 'echo rack=4');
    await chmod(directory, 0o777);
    const { facts, warnings } = await start();
    assert.equal(facts().rack, undefined);
    assert.match(warnings()[0] ?? '', /facts\.d can be written by other users/);
  });
});
