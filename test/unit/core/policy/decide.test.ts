import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide } from '../../../../src/core/policy/decide.ts';
import { parseGroups, parsePolicy } from '../../../../src/core/policy/parse.ts';
import { nodeWith } from '../../../support/property/filter.ts';

const groups = parseGroups('admins cert=joe cert=ann', 'groups');
const web = nodeWith({ classes: ['web', 'apache'], facts: { cluster: 'alfa', cores: 4, os: { name: 'debian' } } });

/** The decision of a policy with these lines, and the line that made it. */
function says(lines: string[], caller = 'cert=rip', action = 'upgrade', node = web): [boolean, number | 'default'] {
  const decision = decide(parsePolicy(lines.join('\n'), 'f', groups), { caller, action, node });
  return [decision.allowed, decision.line];
}

describe('a decision by a policy', () => {
  test('uses the first rule that matches, and names it', () => {
    const lines = ['# rules', 'deny\tcert=joe\t*\t*\t*', 'allow\t*\tupgrade\t*\t*', 'deny\t*\t*\t*\t*'];
    assert.deepEqual(says(lines), [true, 3]);
    assert.deepEqual(says(lines, 'cert=joe'), [false, 2]);
    assert.deepEqual(says(lines, 'cert=rip', 'status'), [false, 4]);
  });

  test('uses the default if no rule matches, wherever that line is', () => {
    assert.deepEqual(says([]), [false, 'default']);
    assert.deepEqual(says(['policy default deny']), [false, 'default']);
    assert.deepEqual(says(['policy default allow', 'deny\tcert=joe\t*\t*']), [true, 'default']);
    assert.deepEqual(says(['policy default allow', 'deny\tcert=joe\t*\t*'], 'cert=joe'), [false, 2]);
    assert.deepEqual(says(['allow\tcert=joe\t*\t*', 'policy default deny']), [false, 'default']);
  });

  test('uses an exact regex for callers, from its first character to its last', () => {
    const lines = ['allow\t/^cert=rip$/ cert=joe\t*\t*', 'deny\t*\t*\t*'];
    assert.deepEqual(says(lines, 'cert=rip'), [true, 1]);
    assert.deepEqual(says(lines, 'cert=joe'), [true, 1]);
    for (const caller of ['cert=ripe', 'xcert=rip', 'ert=rip', 'cert=ri'])
      assert.deepEqual(says(lines, caller), [false, 2]);
  });

  test('uses for a limited certificate the rules that name it, which may still deny', () => {
    const decideFor = (lines: string[], limited = true) => {
      const { allowed, line, text } = decide(parsePolicy(lines.join('\n'), 'f', groups), {
        caller: 'cert=joe',
        action: 'upgrade',
        node: web,
        limited,
      });
      return [allowed, line, text];
    };
    assert.deepEqual(decideFor(['allow\tcert=joe\t*\t*']).slice(0, 2), [true, 1]);
    assert.deepEqual(decideFor(['allow\tadmins\t*\t*']).slice(0, 2), [true, 1], 'a group names it');
    for (const line of ['allow\t*\t*\t*', 'allow\t/joe/\t*\t*', 'policy default allow']) {
      assert.deepEqual(decideFor([line]).slice(0, 2), [false, 'default'], line);
      assert.equal(decideFor([line], false)[0], true, line);
    }
    assert.deepEqual(decideFor(['deny\t*\t*\t*', 'allow\tcert=joe\t*\t*']).slice(0, 2), [false, 1]);
    assert.equal(decideFor(['policy default allow'])[2], 'policy default allow');
  });

  test('includes file and text of the line', () => {
    const policy = parsePolicy('\nallow\tcert=rip\t*\t*\n', '/etc/mco-deploy/policies/appmgr.policy', groups);
    const asked = { caller: 'cert=rip', action: 'upgrade', node: web };
    const file = '/etc/mco-deploy/policies/appmgr.policy';
    assert.deepEqual(decide(policy, asked), { allowed: true, file, line: 2, text: 'allow\tcert=rip\t*\t*' });
    const other = decide(policy, { ...asked, caller: 'cert=x' });
    assert.deepEqual(other, { allowed: false, file, line: 'default', text: 'policy default deny' });
  });
});

describe('a rule of a policy', () => {
  const fits = (callers: string, actions: string, facts: string, classes?: string, caller?: string, action?: string) =>
    says([`allow\t${callers}\t${actions}\t${facts}${classes === undefined ? '' : `\t${classes}`}`], caller, action)[0];

  test('matches callers by id, by regex, by group, or any of these', () => {
    assert.ok(fits('cert=rip', '*', '*'));
    assert.ok(fits('cert=joe cert=rip', '*', '*'));
    assert.ok(!fits('cert=ripper', '*', '*'));
    assert.ok(!fits('cert=RIP', '*', '*'));
    assert.ok(!fits('node=rip', '*', '*'));
    assert.ok(fits('/rip/', '*', '*', '*', 'cert=gripper'), 'unanchored');
    assert.ok(!fits('/^cert=rip$/', '*', '*', '*', 'cert=ripper'));
    assert.ok(fits('/^cert=(rip|ann)$/', '*', '*'));
    assert.ok(fits('admins', '*', '*', '*', 'cert=ann'));
    assert.ok(!fits('admins', '*', '*', '*', 'cert=rip'));
    assert.ok(!fits('admins', '*', '*', '*', 'admins'), 'a caller can’t pass for a group');
    for (const caller of ['cert=joe', 'cert=x', 'node=lb1'])
      assert.ok(fits('admins cert=x /^node=/', '*', '*', '*', caller));
  });

  test('matches actions by name', () => {
    assert.ok(fits('*', 'status upgrade', '*'));
    assert.ok(!fits('*', 'status', '*'));
    assert.ok(!fits('*', 'Upgrade', '*'));
    assert.ok(!fits('*', 'status', '*', '*', 'cert=rip', 'constructor'));
  });

  test('matches nodes by facts, all of which must match, with every operator', () => {
    assert.ok(fits('*', '*', 'cluster=alfa'));
    assert.ok(fits('*', '*', 'cluster=ALFA cores>=4 os.name!=centos cores<5 os.name=~^deb cluster=/^al/'));
    assert.ok(!fits('*', '*', 'cluster=alfa cores>4'));
    assert.ok(!fits('*', '*', 'nothing!=1'));
    assert.ok(fits('*', '*', 'cluster="alfa" cores=4'));
  });

  test('matches nodes by a compound expression with facts and classes', () => {
    assert.ok(fits('*', '*', '(cluster=alfa or cluster=bravo) and not cores>4'));
    assert.ok(fits('*', '*', '!db and web'));
    assert.ok(!fits('*', '*', 'not (cluster=alfa and /^apa/)'));
    assert.ok(!fits('*', '*', 'cluster=bravo or db', 'web'));
  });

  test('matches nodes by classes, all of which they must have', () => {
    assert.ok(fits('*', '*', '*', 'web'));
    assert.ok(fits('*', '*', '*', 'web apache'));
    assert.ok(fits('*', '*', '*', 'web /^apa/'));
    assert.ok(!fits('*', '*', '*', 'web db'));
    assert.ok(!fits('*', '*', 'cluster=bravo', 'web'));
  });
});

describe('a decision where facts or classes are missing because a file cannot be read', () => {
  const partly = (missing: string[]) => ({ ...web, missing });
  const line = (effect: string, facts: string, classes = '*') => `${effect}\t*\t*\t${facts}\t${classes}`;
  const decideWith = (missing: string[], ...lines: string[]) =>
    says(['policy default allow', ...lines], 'cert=rip', 'upgrade', partly(missing));

  test('denies by each rule that may match', () => {
    for (const missing of [['env'], ['*']]) {
      for (const facts of ['env=production', 'env!=test', 'env.zone=a', 'cluster=alfa env=production'])
        assert.deepEqual(decideWith(missing, line('deny', facts)), [false, 2], facts);
      for (const facts of [
        'cluster=bravo env=production',
        'cluster=bravo',
        'cluster=bravo and env=x',
        'not cluster=alfa',
      ])
        assert.deepEqual(decideWith(missing, line('deny', facts)), [true, 'default'], facts);
      for (const facts of ['env=x or cluster=bravo', 'not env=x', 'not (env=x and cluster=alfa)'])
        assert.deepEqual(decideWith(missing, line('deny', facts)), [false, 2], facts);
    }
    assert.deepEqual(decideWith(['*'], line('deny', '*', 'secret')), [false, 2]);
    assert.deepEqual(decideWith(['env'], line('deny', '*', 'secret')), [true, 'default']);
    assert.deepEqual(decideWith(['environment', 'en'], line('deny', 'env=production')), [true, 'default']);
  });

  test('allows by a rule only if it matches whatever they are', () => {
    const deny = line('deny', '*');
    for (const missing of [['env'], ['*']]) {
      for (const facts of ['not env=production', 'not (env=x and cluster=alfa)', 'env=x or not env=x', 'env=test'])
        assert.deepEqual(decideWith(missing, line('allow', facts), deny), [false, 3], facts);
      for (const facts of [
        'cluster=alfa',
        'cluster=alfa or env=x',
        'not cluster=bravo',
        'not (env=x and cluster=bravo)',
      ])
        assert.deepEqual(decideWith(missing, line('allow', facts), deny), [true, 2], facts);
    }
    assert.deepEqual(decideWith(['*'], line('allow', '*', 'web'), deny), [true, 2]);
    assert.deepEqual(decideWith(['*'], line('allow', 'not secret'), deny), [false, 3]);
  });

  test('takes what is absent for absent if every file was read', () => {
    assert.deepEqual(decideWith([], line('deny', 'env=production'), line('deny', '*', 'secret')), [true, 'default']);
    assert.deepEqual(decideWith([], line('allow', 'not env=production'), line('deny', '*')), [true, 2]);
  });
});
