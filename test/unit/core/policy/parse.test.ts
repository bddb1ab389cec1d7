import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseGroups, parsePolicy } from '../../../../src/core/policy/parse.ts';
import { thrownBy } from '../../../support/thrown.ts';

const groups = parseGroups('admins cert=joe cert=ann\n', 'groups');

/** Checks that a file with this as its third line is refused whole, and says where and why. */
function refuses(line: string, words: RegExp): void {
  const problem = thrownBy(() => parsePolicy(`# a policy\npolicy default allow\n${line}\n`, 'p/app.policy', groups));
  assert.equal(problem.code, 'bad-policy', line);
  assert.ok(problem.message.startsWith('p/app.policy:3: '), problem.message);
  assert.match(`${problem.message}: ${problem.hint}`, words, line);
  assert.ok(problem.message.length < 500, line);
}

describe('a policy file', () => {
  test('is refused if a line is not a rule', () => {
    refuses('permit\tcert=rip\t*\t*\t*', /begin with “allow”/);
    refuses('Deny\tcert=rip\t*\t*\t*', /begin with “allow”/);
    refuses('allow cert=rip * * *', /tabs between the columns/);
    refuses('allow', /four or five columns/);
    refuses('deny\tcert=rip *\t*', /four or five columns/);
    refuses('allow\tcert=rip\t*', /four or five columns/);
    refuses('allow\tcert=rip\t*\t*\t*\t*', /four or five columns/);
    refuses('allow\tcert=rip\t*\t \t*', /four or five columns/);
    refuses('allow\t \t*\t*', /four or five columns/);
    refuses('deny\tcert=rip\t \t*', /four or five columns/);
  });

  test('is refused with an invalid or repeated default', () => {
    refuses('policy default deny', /set twice/);
    refuses('policy default allow', /set twice/);
    for (const line of [
      'policy',
      'policy default',
      'policy default none',
      'policy default deny # really',
      'policy  defaults deny',
    ]) {
      const { code, message } = thrownBy(() => parsePolicy(line, 'f', groups));
      assert.deepEqual([code, message], ['bad-policy', 'f:1: this is not a valid default'], line);
    }
  });

  test('is refused with invalid callers', () => {
    refuses('allow\trip@devco.net\t*\t*', /“rip@devco.net” is not a valid caller/);
    refuses('deny\tcert=rip,cert=joe\t*\t*', /not a valid caller/);
    refuses('deny\tcret=rip\t*\t*', /not a valid caller/);
    refuses('deny\tcert=\t*\t*', /not a valid caller/);
    refuses('deny\tcert=rip *\t*\t*', /“\*” is not a valid caller/);
    refuses('deny\tadmin\t*\t*', /no group “admin”.*“admins”/);
    refuses('deny\tconstructor\t*\t*', /no group “constructor”/);
    refuses('deny\t/rip\t*\t*', /no closing slash/);
    refuses('deny\t/(rip/\t*\t*', /CALLERS: the regex is malformed/);
    refuses('deny\t/rip/i\t*\t*', /no closing slash/);
    refuses('deny\t//\t*\t*', /regex is empty/);
    refuses('deny\t/\t*\t*', /no closing slash/);
    refuses('deny\trip@x\t*\t*', /write cert=NAME, node=NAME, a group or \/REGEX\//);
    refuses(`deny\t${'-'.repeat(60)}\t*\t*`, /“-{60}” is not/);
    refuses(`deny\t${'-'.repeat(61)}\t*\t*`, /“-{60}…” is not/);
    refuses('deny\tnot cert=rip\t*\t*', /CALLERS has a compound expression \(“not”\)/);
    refuses('deny\t!cert=rip\t*\t*', /CALLERS has a compound expression \(“!”\)/);
    refuses('deny\tcert="rip\t*\t*', /quotation mark is not closed/);
  });

  test('is refused with invalid actions', () => {
    refuses('deny\t*\tupgrade,status\t*', /not a valid action name/);
    refuses('deny\t*\tup* status\t*', /not a valid action name/);
    refuses('deny\t*\t/up/\t*', /not a valid action name/);
    refuses('deny\t*\t* status\t*', /not a valid action name/);
    refuses('deny\t*\t__proto__\t*', /not a valid action name/);
  });

  test('is refused with invalid facts', () => {
    refuses('deny\t*\t*\tcluster', /FACTS: a fact needs an operator/);
    refuses('deny\t*\t*\tcluster=alfa web', /FACTS: a fact needs an operator/);
    refuses('deny\t*\t*\tcluster=alfa and', /FACTS: a class, a fact or a regex is missing/);
    refuses('deny\t*\t*\t(cluster=alfa', /FACTS: “\)”/);
    refuses('deny\t*\t*\tcluster=alfa (web)', /FACTS: “and” or “or” is missing/);
    refuses('deny\t*\t*\tcluster=/(/', /FACTS: the regex is malformed/);
    refuses('deny\t*\t*\t* and a=b', /FACTS/);
    refuses('deny\t*\t*\t# none', /FACTS: a fact needs an operator/);
    refuses(`deny\t*\t*\t${'('.repeat(40)}web${')'.repeat(40)}`, /deeper than 32/);
  });

  test('is refused with invalid classes', () => {
    refuses('deny\t*\t*\t*\tweb or db', /CLASSES has a compound expression \(“or”\).*column FACTS/);
    refuses('deny\t*\t*\t*\tweb,db', /CLASSES: this is not allowed in the name of a class/);
    refuses('deny\t*\t*\t*\tweb # a comment', /CLASSES: this is not allowed in the name of a class/);
    refuses('deny\t*\t*\t*\tcluster=alfa', /CLASSES: this is not allowed in the name of a class/);
    refuses('deny\t*\t*\t*\t* web', /CLASSES/);
    refuses('deny\t*\t*\t*\t/web', /CLASSES: the regex has no closing slash/);
  });

  test('is refused with characters that no editor shows', () => {
    refuses('deny\tcert=rip\u200b\t*\t*', /U\+200B/);
    refuses('deny\tcert=\u202erip\t*\t*', /U\+202E/);
    refuses('deny\t*\t*\ta=b\u0000c', /U\+0000/);
    refuses('deny\tcert=rip\t*\t*\r\rdeny', /U\+000D/);
    refuses('deny\t\u00a0cert=r\u0456p\t*\t*', /not a valid caller/);
  });

  test('is refused if a line or the file is too large', () => {
    refuses(`deny\t*\t*\tf=${'x'.repeat(9000)}`, /longer than 8192/);
    const { code } = thrownBy(() => parsePolicy('# x\n'.repeat(100_000), 'f', groups));
    assert.equal(code, 'bad-policy');
    assert.equal(thrownBy(() => parsePolicy('allow\t*\t*\t*\n'.repeat(2001), 'f', groups)).code, 'bad-policy');
  });
});

describe('the limits of a policy', () => {
  const parse = (text: string) => parsePolicy(text, 'f', groups).rules.length;
  const codeOf = (text: string) => thrownBy(() => parsePolicy(text, 'f', groups)).code;

  test('are 8192 characters per line, 256 KiB and 2000 rules', () => {
    const line = (length: number) => `deny\t*\t*\tf=${'x'.repeat(length - 'deny\t*\t*\tf='.length)}`;
    assert.equal(parse(line(8192)), 1);
    assert.equal(codeOf(line(8193)), 'bad-policy');
    const comments = `${'#'.repeat(1023)}\n`.repeat(256);
    assert.equal(parse(comments), 0);
    assert.equal(codeOf(`${comments}#`), 'bad-policy');
    assert.equal(parse('allow\t*\t*\t*\n'.repeat(2000)), 2000);
    assert.equal(codeOf('allow\t*\t*\t*\n'.repeat(2001)), 'bad-policy');
  });

  test('are 64 characters for an action, 253 after “cert=”, 128 for a group', () => {
    assert.equal(parse(`deny\t*\t${'a'.repeat(64)}\t*`), 1);
    assert.equal(codeOf(`deny\t*\t${'a'.repeat(65)}\t*`), 'bad-policy');
    assert.equal(parse(`deny\tcert=${'a'.repeat(253)}\t*\t*`), 1);
    assert.equal(codeOf(`deny\tcert=${'a'.repeat(254)}\t*\t*`), 'bad-policy');
    assert.equal(parseGroups(`${'g'.repeat(128)} cert=joe`, 'groups').size, 1);
    assert.equal(thrownBy(() => parseGroups(`${'g'.repeat(129)} cert=joe`, 'groups')).code, 'bad-policy');
  });
});

describe('a policy', () => {
  test('denies by default, and when it is empty', () => {
    assert.deepEqual(parsePolicy('', 'f', groups), { file: 'f', rules: [], allowsByDefault: false });
    assert.equal(parsePolicy('# policy default allow\n', 'f', groups).allowsByDefault, false);
  });

  test('has its default anywhere, with any space between', () => {
    const policy = parsePolicy('allow\t*\t*\t*\npolicy\tdefault  allow\ndeny\t*\t*\t*\n', 'f', groups);
    assert.equal(policy.allowsByDefault, true);
    assert.deepEqual(
      policy.rules.map(({ line, allows }) => [line, allows]),
      [
        [1, true],
        [3, false],
      ],
    );
  });

  test('accepts comments, empty lines, Windows line ends, a byte order mark and tabs for alignment', () => {
    const text = '\ufeff# first\r\n\r\n   # indented\r\n  allow\t\tcert=rip\t\t*\t*\t\t*  \r\n\t\r\ndeny\t*\t*\t*';
    const { rules } = parsePolicy(text, 'f', groups);
    assert.deepEqual(
      rules.map(({ line, text: said }) => [line, said]),
      [
        [4, 'allow\t\tcert=rip\t\t*\t*\t\t*'],
        [6, 'deny\t*\t*\t*'],
      ],
    );
  });
});

describe('groups', () => {
  test('are named lists of callers', () => {
    const parsed = parseGroups(
      '# people\nadmins\tcert=joe@devco.net   cert=ann\n\nrelays node=lb1.devco.net\n',
      'groups',
    );
    assert.deepEqual(
      [...parsed],
      [
        ['admins', ['cert=joe@devco.net', 'cert=ann']],
        ['relays', ['node=lb1.devco.net']],
      ],
    );
  });

  test('are refused as a whole if one line does not parse', () => {
    const bad: [string, RegExp][] = [
      ['admins', /has no members/],
      ['admins cert=joe\nadmins cert=ann', /groups:2: .*defined twice/],
      ['admins cert=joe others', /don’t nest/],
      ['admins /joe/', /not a valid caller/],
      ['admins joe@devco.net', /“joe@devco\.net” is not a valid caller: write cert=NAME or node=NAME$/],
      ['admins choria=joe.mcollective', /is not a valid caller: Choria writes a caller so: write cert=joe,/],
      [`admins ${'-'.repeat(61)}`, /: “-{60}” is not a valid caller/],
      [`${'-'.repeat(61)} cert=joe`, /: “-{60}” is not a valid group name/],
      ['cert=joe cert=ann', /not a valid group name/],
      ['* cert=ann', /not a valid group name/],
      ['admins cert=joe # the boss', /“#” is not a valid caller/],
      ['admins cert=joe\u200b', /U\+200B/],
    ];
    for (const [text, words] of bad) {
      const { code, message, hint } = thrownBy(() => parseGroups(text, 'groups'));
      assert.equal(code, 'bad-policy', text);
      assert.match(`${message}: ${hint}`, words, text);
    }
  });
});
