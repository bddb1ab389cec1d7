import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseGroups, parsePolicy } from '../../../../src/core/policy/parse.ts';
import { policyNamesOf, reviewPolicy, reviewStray } from '../../../../src/core/policy/review.ts';

const agents = [
  { name: 'appmgr', actions: { upgrade: {}, status: {} } },
  { name: 'angelia', aliases: ['angelianotify'], actions: { sendmsg: {} } },
];
const groups = parseGroups('', 'groups');
const review = (name: string, rules: string, others: readonly string[] = [name]) =>
  reviewPolicy(name, parsePolicy(`policy default deny\n${rules}`, `${name}.policy`, groups), others, agents);

describe('a policy without effect', () => {
  test('is found if no agent has its name, and the nearest name is suggested', () => {
    assert.match(
      review('apmgr', '')[0] ?? '',
      /apmgr\.policy has no effect: no agent is called “apmgr” here: .*appmgr/,
    );
    for (const [name, near] of [
      ['APPMGR', 'appmgr'],
      ['AngeliaNotify', 'angelianotify'],
    ] as const) {
      assert.ok(review(name, '')[0]?.endsWith(`is called “${name}” here: did you mean “${near}”?`), name);
    }
    const upper = reviewPolicy('nrpe', parsePolicy('', 'nrpe.policy', groups), [], [{ name: 'NRPE', actions: {} }]);
    assert.match(upper[0] ?? '', /did you mean “NRPE”\?/);
  });

  test('gets each known name suggested once', () => {
    const known = [...agents, ...agents];
    const [remark] = reviewPolicy('zzz', parsePolicy('policy default deny\n', 'zzz.policy', groups), ['zzz'], known);
    assert.equal(remark?.match(/appmgr/g)?.length, 1);
  });

  test('is found if a rule names an action that does not exist', () => {
    const remarks = review('appmgr', 'allow\t*\tupgrade statsu\t*\t*\n');
    assert.equal(remarks.length, 1);
    assert.match(remarks[0] ?? '', /appmgr\.policy:2: the agent appmgr has no action “statsu”: .*status/);
    assert.match(review('default', 'allow\t*\tsendmgs\t*\t*\n')[0] ?? '', /no agent has an action “sendmgs”/);
  });

  test('is found if it uses another name of an agent, and the agent has its own', () => {
    assert.match(review('angelianotify', '', ['angelia', 'angelianotify'])[0] ?? '', /another name of angelia/);
  });
});

describe('another file in a directory of policies', () => {
  test('is found if its name is that of an agent, of the default or of the groups', () => {
    for (const [name, meant] of [
      ['appmgr.policy.txt', 'appmgr.policy'],
      ['appmgr', 'appmgr.policy'],
      ['APPMGR.Policy', 'appmgr.policy'],
      ['angelianotify.yaml', 'angelianotify.policy'],
      ['default', 'default.policy'],
      ['relay.rego', 'relay.policy'],
    ] as const) {
      assert.deepEqual(reviewStray(`/p/${name}`, agents), [`/p/${name} has no effect: did you mean “${meant}”?`]);
    }
    assert.deepEqual(reviewStray('/p/groups.txt', agents), [
      '/p/groups.txt has no effect: the file of groups is called “groups”',
    ]);
  });

  test('is left alone if nobody expects an effect of it', () => {
    const names = [
      'appmgr.policy',
      'groups',
      'README',
      'README.md',
      'notes.txt',
      '.appmgr.policy.swp',
      'appmgr.policy~',
    ];
    for (const name of [...names, 'appmgr.policy.dpkg-old', 'appmgr.policy.rpmsave', 'appmgr.policy.bak']) {
      assert.deepEqual(reviewStray(`/p/${name}`, agents), [], name);
    }
  });
});

describe('a policy with an effect', () => {
  test('has the name of an agent, another name of it, or is the default', () => {
    for (const name of ['appmgr', 'angelianotify', 'default']) {
      assert.deepEqual(review(name, ''), [], name);
      assert.deepEqual(review(name, 'allow\t*\t*\t*\n'), [], `${name}: all actions`);
    }
    assert.deepEqual(review('angelianotify', 'allow\t*\tsendmsg\t*\t*\n'), []);
    assert.deepEqual(review('default', 'allow\t*\tsendmsg upgrade\t*\t*\n'), []);
    assert.deepEqual(review('relay', 'allow\t*\tforward discover\t*\t*\n'), [], 'a relay is not an agent');
    assert.match(review('relay', 'allow\t*\tupgrade\t*\t*\n')[0] ?? '', /the agent relay has no action “upgrade”/);
    assert.deepEqual(policyNamesOf('angelia', agents), ['angelia', 'angelianotify', 'default']);
    assert.deepEqual(policyNamesOf('other', agents), ['other', 'default']);
  });
});
