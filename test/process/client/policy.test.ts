import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const [file, ...start] = program;

let dir: string;
let policies: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mco-policy-'));
  policies = join(dir, 'policies');
  await mkdir(policies);
  await mkdir(join(dir, 'facts.d'));
  await writeFile(join(policies, 'groups'), '# who is who\nadmins cert=rip@devco.net cert=ann\n');
  await writeFile(
    join(policies, 'haproxy.policy'),
    'policy default deny\n# the balancers\nallow\tadmins\tdisable enable\tcluster=bravo\t*\ndeny\t*\tenable\t*\t*\n',
  );
  await writeFile(join(policies, 'default.policy'), 'allow\t*\tping\t*\nallow\tcert=ann\tsendmsg\tos.name=debian\n');
  await writeFile(join(dir, 'facts.d', 'site.yaml'), 'cluster: bravo\n');
  await writeFile(join(dir, 'node.yaml'), 'state: state\n');
});

after(() => rm(dir, { recursive: true, force: true }));
const policy = (...words: string[]) => runProgram(file, [...start, 'policy', ...words], { cwd: dir });

const explain = (caller: string, call: string, ...more: string[]) => {
  const [agent = '', action = ''] = call.split('.');
  return policy('explain', '--caller', caller, '--agent', agent, '--action', action, ...more);
};

describe('mco-deploy policy', () => {
  test('warns about rules without effect, and treats a broken link as no rights', async () => {
    const odd = join(dir, 'odd');
    await mkdir(odd);
    await writeFile(join(odd, 'default.policy'), 'policy default allow\n');
    await writeFile(join(odd, 'apmgr.policy'), 'policy default deny\n');
    await writeFile(join(odd, 'angelianotify.policy'), 'policy default deny\nallow\t*\tsendmsgs\t*\t*\n');
    const { code, err } = await policy('check', 'odd');
    assert.equal(code, 0, err);
    assert.match(err, /apmgr\.policy has no effect: no agent is called “apmgr” here: .*appmgr/);
    assert.match(err, /angelianotify\.policy:2: the agent angelia has no action “sendmsgs”: .*sendmsg/);
    const other = await explain('cert=ann', 'angelia.sendmsg', '--policies', 'odd');
    assert.equal(other.code, 77, 'the policy under another name of the agent decides');
    assert.match(other.out, /may not angelia\.sendmsg/);

    await symlink('/nowhere/at/all', join(odd, 'haproxy.policy'));
    const dangling = await explain('cert=ann', 'haproxy.enable', '--policies', 'odd');
    assert.notEqual(dangling.code, 0);
    assert.match(dangling.err, /haproxy\.policy cannot be read/);
    const checked = await policy('check', 'odd');
    assert.equal(checked.code, 64);
    assert.match(checked.err, /haproxy\.policy cannot be read/);
  });

  test('check lists the policies of a directory', async () => {
    const { code, out } = await policy('check', 'policies');
    assert.equal(code, 0);
    assert.match(out, /groups: 1 group\n.*default\.policy: 2 rules, then deny\n.*haproxy\.policy: 2 rules, then deny/);
  });

  test('check names every file that the daemon would refuse, with its line, and ends with 64', async () => {
    const broken = join(dir, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'a.policy'), 'policy default allow\ndeny cert=eve * *\n');
    await writeFile(join(broken, 'b.policy'), 'allow\tnobodies\t*\t*\n');
    await writeFile(join(broken, 'c.policy'), 'allow\t*\t*\t*\n');
    const { code, out, err } = await policy('check', 'broken');
    assert.equal(code, 64);
    assert.match(err, /a\.policy:2: .*\n.*b\.policy:1: there is no group “nobodies”/);
    assert.match(out, /c\.policy: 1 rule, then deny/);
    const { out: json } = await policy('check', 'broken', '--json');
    assert.deepEqual(
      (JSON.parse(json) as { ok: boolean }[]).map(({ ok }) => ok),
      [false, false, true],
    );
  });

  test('check reads one file with the groups file of its directory', async () => {
    assert.equal((await policy('check', 'policies/haproxy.policy')).code, 0);
    assert.equal((await policy('check', 'policies/groups')).code, 0);
    const missing = await policy('check', 'policies/none.policy');
    assert.deepEqual([missing.code, missing.out], [64, '']);
    assert.match(missing.err, /none\.policy cannot be read: no such file/);
  });
});

describe('mco-deploy policy explain and import', () => {
  test('explain names the deciding line, with the facts of this node', async () => {
    const { code, out } = await explain('cert=rip@devco.net', 'haproxy.disable', '--config', 'node.yaml');
    assert.equal(code, 0);
    assert.match(out, /^cert=rip@devco\.net may haproxy\.disable\nby .*haproxy\.policy:3: allow\tadmins/);
  });

  test('explain takes facts from the command line instead', async () => {
    const { code, out } = await explain(
      'cert=rip@devco.net',
      'haproxy.disable',
      '--policies',
      'policies',
      '--facts',
      'cluster=alfa',
      'x=1',
    );
    assert.equal(code, 77);
    assert.match(out, /may not haproxy\.disable\nby .*haproxy\.policy, where no rule fits: policy default deny/);
  });

  test('import shows what it would rewrite, and rewrites it only on request', async () => {
    const foreign = join(dir, 'foreign');
    await mkdir(foreign);
    const before = await readFile(join(import.meta.dirname, '../../fixtures/policies/choria.policy'), 'utf8');
    await writeFile(join(foreign, 'appmgr.policy'), before);
    const shown = await policy('import', 'foreign', '--map', 'choria=cert=*@devco.net');
    assert.match(shown.out, /^--- .*appmgr\.policy$/m);
    assert.match(shown.out, /^-allow\tchoria=rip\.mcollective\t.*\n\+allow\tcert=rip@devco\.net\t/m);
    assert.match(shown.err, /“uid=500” .*--map uid=500=cert=NAME/);
    assert.deepEqual([shown.code, await readFile(join(foreign, 'appmgr.policy'), 'utf8')], [64, before]);
    const maps = ['--map', 'choria=cert=*@devco.net', '--map', 'uid=500=cert=deploy'];
    const written = await policy('import', 'foreign', ...maps, '--write');
    assert.deepEqual([written.code, written.err.trim()], [0, '1 file rewritten'], written.err);
    assert.equal((await policy('check', 'foreign')).code, 0);
  });

  test('explain names default.policy if it decides, and resolves an alias first', async () => {
    const { code, out } = await explain(
      'cert=ann',
      'angelianotify.sendmsg',
      '--policies',
      'policies',
      '--facts',
      'os.name=debian',
    );
    assert.equal(code, 0);
    assert.match(out, /may angelia\.sendmsg\nby .*default\.policy:2: .*\nthere is no angelia\.policy/);
  });

  test('explain reports that without any policy nobody may do anything', async () => {
    await mkdir(join(dir, 'empty'));
    const { code, out } = await explain('cert=rip', 'rpcutil.ping', '--policies', 'empty', '--json');
    assert.equal(code, 77);
    assert.equal((JSON.parse(out) as { by: string }).by, 'none');
  });

  test('explain refuses an invalid caller, fact or policy in one line', async () => {
    const bare = await explain('rip', 'rpcutil.ping', '--policies', 'policies');
    assert.equal(bare.code, 64);
    assert.match(bare.err, /write cert=rip/);
    assert.equal((await explain('cert=rip', 'rpcutil.ping', '--policies', 'policies', '--facts', 'x')).code, 64);
    const faulty = await explain('cert=rip', 'b.x', '--policies', 'broken');
    assert.equal(faulty.code, 64);
    assert.match(faulty.err, /b\.policy:1: there is no group/);
    assert.equal(faulty.err.trim().split('\n').length, 1);
  });
});
