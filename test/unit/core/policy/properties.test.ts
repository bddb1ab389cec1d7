import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../../../../src/core/errors.ts';
import { decide } from '../../../../src/core/policy/decide.ts';
import { type Groups, parseGroups, parsePolicy } from '../../../../src/core/policy/parse.ts';
import { anyNode, nearlySyntax } from '../../../support/property/filter-arbitraries.ts';
import { holds, reached } from '../../../support/property/property.ts';

// A failure prints the seed and the path that repeat it.

const groups: Groups = parseGroups('admins cert=joe cert=ann', 'groups');

const nearlyGroups = fc
  .tuple(
    fc.shuffledSubarray(['admins cert=joe', 'ops cert=ann cert=rip', 'lbs node=lb1', '# none', ''], { minLength: 2 }),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(nearlySyntax, { maxLength: 2 }) },
    ),
  )
  .map((parts) => parts.flat());

const effect = fc.constantFrom('allow', 'deny', 'allow', 'deny', 'policy default allow', 'Allow', '#');
const callers = fc.oneof(
  fc.constantFrom('*', 'cert=rip', 'cert=joe cert=rip', '/rip/', 'admins', 'nobody'),
  nearlySyntax,
);
const actions = fc.constantFrom('*', 'upgrade', 'status upgrade', 'up*');
const facts = fc.oneof(fc.constantFrom('*', 'cluster=alfa', 'a=1 b!=2', 'web and not a=1'), nearlySyntax);
const classes = fc.constantFrom('*', 'web', 'web /d/', 'web or');
const rule = fc.tuple(effect, callers, actions, facts, classes).map((columns) => columns.join('\t'));
const goodRule = fc
  .tuple(
    fc.constantFrom('allow', 'deny'),
    fc.constantFrom('*', 'cert=rip', 'cert=joe cert=rip', '/rip/', 'admins'),
    fc.constantFrom('*', 'upgrade', 'status upgrade'),
    fc.constantFrom('*', '*', '*', 'cluster=alfa', 'a=1 b!=2', 'web and not a=1'),
    fc.constantFrom('*', '*', '*', 'web', 'web /d/'),
  )
  .map((columns) => columns.join('\t'));
const lines = fc.array(fc.oneof({ weight: 3, arbitrary: goodRule }, rule, nearlySyntax), { maxLength: 6 });
const asked = fc.record({
  caller: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('cert=rip', 'cert=joe', 'node=lb1') },
    { weight: 1, arbitrary: fc.string() },
  ),
  action: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('upgrade', 'status') },
    { weight: 1, arbitrary: fc.string() },
  ),
  node: anyNode,
});

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'bad-policy', String(error));
    assert.match(error.message, /^f:(\d+:)? /);
    return undefined;
  }
}

describe('random input as a policy', () => {
  test('is parsed or refused, and a parsed policy decides', () => {
    holds(
      fc.property(lines, asked, (written, question) => {
        const policy = attempt(() => parsePolicy(written.join('\n'), 'f', groups));
        if (policy === undefined) return;
        reached();
        const { allowed, line } = decide(policy, question);
        assert.equal(typeof allowed, 'boolean');
        assert.ok(
          line === 'default' ||
            written
              .join('\n')
              .split('\n')
              [line - 1]?.startsWith(allowed ? 'allow' : 'deny'),
        );
      }),
      2000,
    );
  });

  test('is parsed or refused as groups', () => {
    holds(
      fc.property(nearlyGroups, (written) => {
        const groups = attempt(() => parseGroups(written.join('\n'), 'f'));
        if (groups !== undefined && groups.size > 0) reached();
      }),
    );
  });
});

test('a damaged line never allows more: the policy is refused, whatever else it contains', () => {
  const spoilt = fc.constantFrom(
    'deny cert=rip * * *',
    'deny\tcert=rip\t*',
    'deni\tcert=rip\t*\t*',
    'deny\trip\t*\t*',
    'deny\t*\t*\ta=',
  );
  holds(
    fc.property(fc.array(goodRule), spoilt, fc.array(goodRule), (before, bad, after) => {
      reached();
      assert.equal(
        attempt(() => parsePolicy([...before, bad, ...after].join('\n'), 'f', groups)),
        undefined,
      );
    }),
  );
});

test('removing rules after the deciding one changes nothing', () => {
  holds(
    fc.property(fc.array(goodRule, { minLength: 3, maxLength: 10, size: 'max' }), asked, (rules, question) => {
      const decision = decide(parsePolicy(rules.join('\n'), 'f', groups), question);
      if (decision.line === 'default') return;
      if (decision.line < rules.length) reached();
      const fewer = parsePolicy(rules.slice(0, decision.line).join('\n'), 'f', groups);
      assert.deepEqual(decide(fewer, question), decision);
    }),
  );
});
