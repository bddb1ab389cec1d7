import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { agents, checkExternal } from '../../../../src/agents/index.ts';
import { runCli } from '../../../../src/client/cli/cli.ts';
import { policyCommand } from '../../../../src/client/commands/policy/index.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

/** A directory with these files. */
function policiesIn(files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

type Own = { readonly policies: string; readonly classes?: readonly string[]; readonly facts?: object };

/** Runs `mco-deploy policy …` on a node with these policies, facts and classes, or away from any. */
async function policy(words: readonly string[], own?: Own) {
  const { context, out, err } = quietContext();
  let code: number | undefined;
  const readOwn = async () => {
    if (own === undefined) throw new Problem('unreadable-file', 'there is no node.yaml', 'name --policies');
    const { policies, classes = [], facts = {} } = own;
    return { policies, node: { name: '', agents: [], classes, facts } } as never;
  };
  const commands = [
    policyCommand(
      agents.map(({ ddl }) => ddl),
      readOwn,
      async (directory) => {
        const { ddls, refused } = await checkExternal({ directory, taken: ['appmgr'] });
        return { agents: ddls, refused };
      },
    ),
  ];
  await runCli(['policy', ...words], { version: '', commands }, { ...context, exit: (given) => (code ??= given) });
  return { code: code ?? 0, out, err };
}

const appmgr = `policy default deny
allow\tcert=rip@devco.net\t*\tcluster=bravo\t*
allow\tdeployers\tstatus\t*\tweb
deny\t*\t*\t*\t*
`;
const files = {
  'appmgr.policy': appmgr,
  'default.policy': 'policy default deny\nallow\tcert=eve\tping\t*\t*\n',
  groups: 'deployers cert=ci@devco.net\n',
};

describe('the decision of policies, explained', () => {
  const directory = policiesIn(files);
  const explain = (caller: string, action: string, ...more: readonly string[]) => {
    const [agent = '', name = ''] = action.split('.');
    return policy([
      'explain',
      '--caller',
      caller,
      '--agent',
      agent,
      '--action',
      name,
      '--policies',
      directory,
      ...more,
    ]);
  };

  test('has the line that decides, and 0 or 77', async () => {
    const bravo = ['--facts', 'cluster=bravo'];
    const may = await explain('cert=rip@devco.net', 'appmgr.upgrade', ...bravo);
    const line = appmgr.split('\n')[1]?.trim();
    assert.deepEqual(
      [may.code, may.out],
      [0, ['cert=rip@devco.net may appmgr.upgrade', `by ${directory}/appmgr.policy:2: ${line}`]],
    );
    const other = await explain('cert=rip@devco.net', 'appmgr.upgrade', '--facts', 'cluster=alpha');
    assert.equal(other.code, 77);
    assert.match(other.out.join('\n'), /^cert=rip@devco\.net may not appmgr\.upgrade\nby .*appmgr\.policy:4: deny/);
  });

  test('counts groups, classes and the aliases of agents', async () => {
    assert.equal((await explain('cert=ci@devco.net', 'appmgr.status', '--classes', 'web')).code, 0);
    assert.equal((await explain('cert=ci@devco.net', 'appmgr.status', '--classes', 'mail')).code, 77);
    assert.equal((await explain('cert=ci@devco.net', 'appmgr.upgrade', '--classes', 'web')).code, 77);
  });

  test('says where default.policy decides, and where nothing does', async () => {
    const fallback = await explain('cert=eve', 'rpcutil.ping', '--facts', 'a=b');
    assert.equal(fallback.code, 0);
    assert.equal(fallback.out.at(-1), 'there is no rpcutil.policy: default.policy decides');
    const denied = await explain('cert=rip', 'rpcutil.ping', '--facts', 'a=b');
    assert.deepEqual(
      [denied.code, denied.out[1]],
      [77, `by ${directory}/default.policy, where no rule fits: policy default deny`],
    );
    const empty = temporaryDirectory();
    const nobody = await policy([
      'explain',
      '--caller',
      'cert=rip',
      '--agent',
      'rpcutil',
      '--action',
      'ping',
      '--policies',
      empty,
    ]);
    assert.deepEqual(nobody, {
      code: 77,
      out: [
        'cert=rip may not rpcutil.ping',
        `neither rpcutil.policy nor ${empty}/default.policy is there: nobody may do anything`,
      ],
      err: [],
    });
  });

  test('is JSON where that is asked', async () => {
    const json = async (...given: Parameters<typeof explain>) =>
      JSON.parse((await explain(...given, '--json')).out.join(''));
    const rule = await json('cert=rip@devco.net', 'appmgr.upgrade', '--facts', 'cluster=bravo');
    assert.deepEqual([rule.allowed, rule.line, rule.by, rule.fallback, rule.agent], [true, 2, 'rule', false, 'appmgr']);
    const byDefault = await json('cert=rip', 'rpcutil.ping', '--facts', 'a=b');
    assert.deepEqual(
      [byDefault.allowed, byDefault.line, byDefault.by, byDefault.fallback],
      [false, null, 'default', true],
    );
  });

  test('is of this node, but for what is given', async () => {
    const own = { policies: directory, facts: { cluster: 'bravo' }, classes: ['web'] };
    const words = ['explain', '--caller', 'cert=rip@devco.net', '--agent', 'appmgr', '--action', 'upgrade'];
    assert.equal((await policy(words, own)).code, 0);
    assert.equal((await policy([...words, '--facts', 'cluster=alpha'], own)).code, 77);
    assert.equal((await policy([...words, '--classes', 'mail'], own)).code, 0);
    const ci = ['explain', '--caller', 'cert=ci@devco.net', '--agent', 'appmgr', '--action', 'status'];
    assert.equal((await policy(ci, own)).code, 0);
    const away = await policy(words);
    assert.notEqual(away.code, 0);
    assert.match(away.err.join(''), /there is no node\.yaml/);
    assert.equal((await policy([...words, '--policies', directory])).code, 77, 'for a node without facts');
  });

  test('is refused for a caller, an agent or a fact that cannot be one; an unknown action is named', async () => {
    for (const [caller, action, more] of [
      ['rip', 'appmgr.upgrade', []],
      ['cert=rip', '../x.upgrade', []],
      ['cert=rip', 'appmgr.upgrade', ['--facts', 'cluster']],
    ] as const) {
      assert.equal((await explain(caller, action, ...more)).code, 64, `${caller} ${action}`);
    }
    const { err, code } = await explain('cert=rip@devco.net', 'appmgr.upgrad', '--facts', 'cluster=bravo');
    assert.match(err.join(''), /^warning: the agent appmgr has no action “upgrad”.*did you mean “upgrade”/);
    assert.equal(code, 0);
  });
});

describe('the check of policies', () => {
  test('an agent in another language is known by its description beside the policies, or where --agents says', async () => {
    const mail = {
      metadata: {
        name: 'mailqueue',
        description: 'd',
        author: 'a',
        license: 'l',
        version: '1.0.0',
        url: '',
        timeout: 5,
      },
      actions: [{ action: 'flush', description: 'd', display: 'failed', input: {}, output: {} }],
    };
    const rules = 'policy default deny\nallow\tcert=rip@devco.net\tflush purge\t*\t*\n';
    const place = policiesIn({
      'policies/mailqueue.policy': rules,
      'agents.d/mailqueue.json': JSON.stringify(mail),
      'agents.d/mailqueue': '',
    });
    chmodSync(join(place, 'agents.d', 'mailqueue'), 0o755);
    const beside = await policy(['check', join(place, 'policies')]);
    assert.deepEqual(
      beside.err.map((line) => line.replace(place, '')),
      ['warning: /policies/mailqueue.policy:2: the agent mailqueue has no action “purge”: known: flush'],
    );

    const alone = policiesIn({ 'mailqueue.policy': rules });
    const unknown = await policy(['check', alone]);
    assert.match(unknown.err[0] ?? '', /has no effect: no agent is called “mailqueue” here/);
    assert.equal(
      unknown.err.at(-1),
      `if it is an agent in another language: mco-deploy policy check ${alone} --agents DIRECTORY`,
    );
    const named = await policy(['check', alone, '--agents', join(place, 'agents.d')]);
    assert.match(named.err.join('\n'), /^warning: .*no action “purge”: known: flush$/);
    const refused = await policy(['check', policiesIn({ 'mailqueue.policy': 'alow\n' })]);
    assert.match(
      refused.err.join('\n'),
      /^mco-deploy: .*mailqueue\.policy:1: /,
      'what is wrong with it is the last line',
    );
    assert.equal(refused.err.length, 1);
    const nowhere = await policy(['check', alone, '--agents', join(place, 'nowhere')]);
    assert.equal(nowhere.code, 64);
    assert.match(nowhere.err.join(), /nowhere cannot be read: no such file or directory/);
  });

  test('reads each file as the daemon does, and names all that are refused', async () => {
    const directory = policiesIn({
      ...files,
      'broken.policy': 'allow\tx\n',
      'nrpe.policy': 'policy default allow\n',
      README: 'x',
    });
    symlinkSync('/nowhere', join(directory, 'linked.policy'));
    const { code, out, err } = await policy(['check', directory]);
    assert.equal(code, 64);
    assert.deepEqual(out, [
      `${directory}/groups: 1 group`,
      `${directory}/appmgr.policy: 3 rules, then deny`,
      `${directory}/default.policy: 1 rule, then deny`,
      `${directory}/nrpe.policy: 0 rules, then allow`,
    ]);
    assert.match(err.join('\n'), new RegExp(`mco-deploy: ${directory}/broken\\.policy:1`));
    assert.match(err.join('\n'), /linked\.policy cannot be read/);
    const json = JSON.parse((await policy(['check', directory, '--json'])).out.join('\n'));
    assert.deepEqual(
      json.map(({ ok }: { ok: boolean }) => ok),
      [true, true, false, true, false, true],
    );
    assert.equal(json[2].code, 'bad-policy');
  });

  test('reads one file with the groups beside it, or others', async () => {
    const directory = policiesIn(files);
    const one = join(directory, 'appmgr.policy');
    assert.deepEqual((await policy(['check', one])).code, 0);
    const empty = join(policiesIn({ none: '' }), 'none');
    const without = await policy(['check', one, '--groups', empty]);
    assert.equal(without.code, 64);
    assert.match(without.err.join(''), /deployers/);
    assert.deepEqual((await policy(['check', join(directory, 'groups')])).out, [`${directory}/groups: 1 group`]);
  });

  test('fails where there is no policy, and where nothing can be read', async () => {
    const empty = temporaryDirectory();
    const { code, err } = await policy(['check', empty]);
    assert.deepEqual(
      [code, err],
      [64, [`mco-deploy: there is no AGENT.policy in ${empty}, so nobody could do anything: check the path`]],
    );
    assert.notEqual((await policy(['check', join(empty, 'none.policy')])).code, 0);
  });
});

describe('policies of Choria and MCollective', () => {
  const theirs = {
    'puppet.policy': 'policy default deny\nallow\tchoria=rip.mcollective\t*\t*\t*\n',
    'nrpe.policy': 'policy default deny\nallow\tuid=500\t*\t*\t*\n',
  };
  const read = (directory: string, name: string) => readFileSync(join(directory, name), 'utf8');

  test('are shown with the callers that they would have, and rewritten only where that is asked', async () => {
    const directory = policiesIn(theirs);
    const words = ['import', directory, '--map', 'choria=cert', '--map', 'uid=500=cert=rip'];
    const shown = await policy(words);
    assert.equal(shown.code, 0);
    assert.ok(shown.out.includes(`--- ${directory}/nrpe.policy`), shown.out.join('\n'));
    assert.ok(shown.out.includes('+allow\tcert=rip\t*\t*\t*'), shown.out.join('\n'));
    assert.equal(shown.err.at(-1), 'nothing was written: repeat the command with --write to rewrite 2 files');
    assert.equal(read(directory, 'nrpe.policy'), theirs['nrpe.policy']);
    const written = await policy([...words, '--write']);
    assert.deepEqual([written.code, written.err.at(-1)], [0, '2 files rewritten']);
    assert.match(read(directory, 'nrpe.policy'), /allow\tcert=rip\t/);
    assert.deepEqual((await policy([...words, '--write'])).err, ['0 files rewritten']);
  });

  test('are reported where they would be refused, and are not read with a map that is not valid', async () => {
    const directory = policiesIn({ 'puppet.policy': 'allow\tx\n' });
    assert.equal((await policy(['import', directory])).code, 64);
    for (const map of ['choria', 'uid=500', 'uid=500=other=x', '=cert', 'choria=cert=a b']) {
      assert.equal((await policy(['import', directory, '--map', map])).code, 64, map);
    }
    assert.notEqual((await policy(['import', join(directory, 'none')])).code, 0);
  });

  test('need no change, or are not there: both are said', async () => {
    const ours = policiesIn({ 'nrpe.policy': 'policy default deny\n' });
    const good = await policy(['import', ours]);
    assert.deepEqual([good.code, good.out, good.err], [0, [], ['nothing has to be changed in 1 file']]);
    const empty = await policy(['import', policiesIn({ 'notes.txt': 'x' })]);
    assert.equal(empty.code, 64);
    assert.match(empty.err[0] ?? '', /there is no AGENT\.policy in /);
    const other = policiesIn({ 'notes.txt': 'x' });
    const file = await policy(['import', join(other, 'notes.txt')]);
    assert.equal(file.code, 64);
    assert.match(file.err[0] ?? '', /notes\.txt is not a policy: name AGENT\.policy, or a directory of them$/);
  });
});
