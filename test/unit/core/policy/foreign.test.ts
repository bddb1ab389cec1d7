import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { explain } from '../../../../src/core/errors.ts';
import { rewriteCallers } from '../../../../src/core/policy/foreign.ts';
import { parseGroups, parsePolicy } from '../../../../src/core/policy/parse.ts';

const fixture = readFileSync(join(import.meta.dirname, '../../../fixtures/policies/choria.policy'), 'utf8');
const map = { choria: 'cert=*@devco.net', words: new Map([['uid=500', 'cert=deploy']]) };

function faultOf(line: string): string {
  try {
    parsePolicy(line, 'x.policy', new Map());
    return 'none';
  } catch (error) {
    return explain(error);
  }
}

describe('a policy in Choria’s form', () => {
  test('is refused with the line to write instead', () => {
    assert.match(
      faultOf(fixture),
      /x\.policy:3: “choria=rip\.mcollective” .*write cert=rip, or .*policy import PATH --map choria=cert/,
    );
    assert.match(faultOf('allow\tchoria=/^ops-/\t*\t*\t*'), /write \/\^cert=ops-\/, or/);
    assert.match(faultOf('allow\tuid=500\t*\t*\t*'), /“uid=500” .*write cert=NAME, .*--map uid=500=cert=NAME/);
  });

  test('has its callers rewritten, and then parses', () => {
    const { text, changed } = rewriteCallers(fixture, map);
    assert.deepEqual(
      changed.map(({ line, after }) => [line, after.split('\t')[1]]),
      [
        [3, 'cert=rip@devco.net'],
        [4, '/^cert=ops-/ cert=deploy'],
      ],
    );
    assert.equal(parsePolicy(text, 'x.policy', new Map()).rules.length, 2);
    assert.equal(text.split('\n')[0], fixture.split('\n')[0], 'comments stay');
  });

  test('has regexes and groups rewritten too', () => {
    const line = 'allow\t/^choria=ops-\\d+\\.mcollective$/\t*\t*\t*';
    const [change] = rewriteCallers(line, { choria: 'cert=*', words: new Map() }).changed;
    assert.equal(change?.after, 'allow\t/^cert=ops-\\d+$/\t*\t*\t*');
    const groups = rewriteCallers('ops choria=a.mcollective choria=b.mcollective', map).text;
    assert.deepEqual(parseGroups(groups, 'groups').get('ops'), ['cert=a@devco.net', 'cert=b@devco.net']);
  });
});

describe('translation of the callers of a policy', () => {
  const rewrite = (text: string, by: Parameters<typeof rewriteCallers>[1] = map) => rewriteCallers(text, by);

  test('applies only to their own column of a rule, and not to comments or a default', () => {
    const lines = [
      '  # was choria=rip.mcollective with uid=500',
      'policy default uid=500',
      '',
      'allow\tuid=500\tuid=500\tuid=500 choria=rip.mcollective\tuid=500 /choria=x/',
      'deny\tcert=eve\tupgrade\tdomain=a.mcollective\tx.mcollective',
      'allow\t\tuid=500 uid=500\t*\t*\r',
    ];
    const { text, changed } = rewrite(lines.join('\n'));
    const after = [...lines];
    after[3] = 'allow\tcert=deploy\tuid=500\tuid=500 choria=rip.mcollective\tuid=500 /choria=x/';
    after[5] = 'allow\t\tcert=deploy cert=deploy\t*\t*\r';
    assert.deepEqual(text.split('\n'), after);
    assert.deepEqual(
      changed,
      [3, 5].map((index) => ({ line: index + 1, before: lines[index], after: after[index] })),
    );
  });

  test('turns a regex into names, whether it starts and ends at an edge or not', () => {
    for (const [pattern, expected] of [
      ['^ops-', '/^cert=ops-/'],
      ['ops', '/^cert=.*ops/'],
      ['ops$', '/^cert=.*ops@devco\\.net$/'],
      ['^ops-[0-9]$', '/^cert=ops-[0-9]@devco\\.net$/'],
    ] as const) {
      assert.equal(rewrite(`ops choria=/${pattern}/`).text, `ops ${expected}`);
    }
  });

  test('applies only to mapped callers', () => {
    const words = new Map([
      ['uid=500', 'cert=deploy'],
      ['a', 'cert=a'],
    ]);
    const line = 'ops uid=500 choria=rip.mcollective choria=/^ops/ /choria=x\\.mcollective/ uid=501';
    assert.equal(rewrite(line, { words }).text, line.replace('uid=500', 'cert=deploy'));
    assert.equal(rewrite('allow\ta\t*\t*', { words }).text, 'allow\tcert=a\t*\t*');
    for (const odd of ['x.choria=rip.mcollective', 'choria=/ops', 'choria=a/b.mcollective']) {
      assert.equal(rewrite(`ops ${odd}`).text, `ops ${odd}`, 'is of another kind');
    }
    const mapped = rewrite('ops node=x.mcollective /^node=x\\.mcollective/ /choria=x\\.mcollective/').text;
    assert.equal(mapped, 'ops node=x.mcollective /^node=x\\.mcollective/ /cert=x@devco\\.net/');
  });
});

describe('other parts of a policy are reported unchanged', () => {
  for (const [line, fault] of [
    ["allow\t*\t*\tfstat('/etc/x').md5=/a/\t*", /FACTS has the data function fstat\(\)/],
    ['allow\t*\t*\t*\tweb and not db', /the column CLASSES has a compound expression \(“and”\).*FACTS/],
  ] as const) {
    test(line, () => assert.match(faultOf(line), fault));
  }

  test('an empty group', () => {
    assert.throws(() => parseGroups('ops\n', 'groups'), { message: /groups:1: the group “ops” has no members/ });
  });
});
