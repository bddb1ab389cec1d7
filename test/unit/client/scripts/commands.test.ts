import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runInProcess } from '../../../support/program/cli.ts';

describe('the commands for scripts', () => {
  let home = '';
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'mco-scripts-'));
    await mkdir(join(home, 'dir.mc'));
    await writeFile(join(home, 'own.mc'), "# Greets.\nif empty($name1) { fail('Who is it?') }\nnotify { $name1: }\n");
    await writeFile(join(home, 'wrong.mc'), "mcollective { 'a':\n  agent => rpcutil\n  action => ping\n}\n");
    await writeFile(join(home, 'outside.mc'), "mcollective { 'a': agent => mailqueue, action => deliver }\n");
  });
  after(() => rm(home, { recursive: true }));
  const run = (...words: string[]) =>
    runInProcess(
      words.map((word) => word.replace('~', home)),
      home,
    );

  const refused: readonly (readonly [string[], RegExp])[] = [
    [['orchestrate'], /the script is missing/],
    [['orchestrate', 'nothing'], /there is no file nothing\.mc, and no script of that name is shipped/],
    [['orchestrate', 'app_cluster_upgrad'], /did you mean “app_cluster_upgrade\.mc”\?/],
    [['orchestrate', 'app_cluster_upgrade', 'clutser=bravo'], /has no input “clutser”: did you mean “cluster”\?/],
    [['orchestrate', 'app_cluster_upgrade', 'Cluster=bravo'], /“Cluster” can’t be the name of an input/],
    [['orchestrate', 'app_cluster_upgrade', 'cluster='], /the input “cluster” is empty/],
    [['orchestrate', 'app_cluster_upgrade', 'bravo'], /“bravo” is not an input: write name=value/],
    [['orchestrate', 'app_cluster_upgrade', '-r'], /scripts in Ruby are not run/],
    [['orchestrate', '~/dir'], /dir\.mc cannot be read: it is a directory/],
    [['run', '~/wrong.mc'], /wrong\.mc:3:3: “,” or “}” is missing after the attribute, before “action”/],
    [['playbook', 'check', '~/wrong.mc'], /wrong\.mc:3:3: /],
    [['playbook', 'docs', '~/wrong.mc'], /wrong\.mc:3:3: /],
  ];
  for (const [words, message] of refused) {
    test(`${words.join(' ')} is refused in one line, and the next is a command`, async () => {
      const { code, out, err } = await run(...words);
      assert.equal(code, 64);
      assert.deepEqual(out, []);
      const [line = '', next = line, ...more] = err;
      assert.match(line, message);
      assert.deepEqual(more, []);
      assert.ok(next === line || /^to read what to do: mco-deploy explain [a-z-]+$/.test(next), next);
    });
  }

  test('orchestrate --help explains the command, and with a script its inputs', async () => {
    const bare = await run('orchestrate', '--help');
    assert.match(bare.out.join('\n'), /Usage: mco-deploy orchestrate/);
    const { out } = await run('orchestrate', '--help', 'app_cluster_upgrade');
    assert.match(out.join('\n'), /cluster +Please specify a cluster to manage using \$cluster \(string; required\)/);
  });

  test('playbook docs shows the comment, the inputs and the declarations', async () => {
    const { out } = await run('playbook', 'docs', '~/own.mc');
    assert.deepEqual(out, [
      'own: Greets.',
      '',
      'Inputs',
      '  name1  Who is it? (string; required)',
      '',
      'Resources',
      '  notify $name1',
    ]);
    const json = JSON.parse((await run('playbook', 'docs', '~/own.mc', '--json')).out.join('\n'));
    assert.deepEqual(Object.keys(json.inputs), ['name1']);
    const markdown = await run('playbook', 'docs', '~/own.mc', '--markdown');
    assert.equal(markdown.out[0], '# own');
  });

  test('playbook check reports that it is valid, and which agents only nodes know', async () => {
    const { out, err } = await run('playbook', 'check', '~/own.mc');
    assert.match(out.join('\n'), /own is valid as far as it can be checked without running it: 1 input/);
    assert.deepEqual(err, []);
    const outside = await run('playbook', 'check', '~/outside.mc');
    assert.match(outside.err.join('\n'), /not built in: mailqueue/);
  });

  test('playbook list names the shipped script', async () => {
    const { out } = await run('playbook', 'list');
    assert.ok(out.some((line) => line.startsWith('app_cluster_upgrade.mc')));
  });
});
