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

describe('a policy of a Choria site', () => {
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

describe('what else a policy brings is reported as what it is', () => {
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
