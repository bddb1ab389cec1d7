import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aggregateLines } from '../../../../src/client/render/aggregate.ts';
import { chooseDisplay, shows } from '../../../../src/client/render/outcomes.ts';
import type { ActionDdl, Aggregate } from '../../../../src/core/ddl/ddl.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';

function action(aggregate: readonly Aggregate[], display: ActionDdl['display'] = 'always'): ActionDdl {
  const nothing = { type: 'object', properties: {} } as const;
  const about = { description: '', kind: 'read', repeatable: true, timeout: 1, dryRun: false } as const;
  return { ...about, display, input: nothing, output: nothing, aggregate };
}

function replied(data: Record<string, unknown>, outcome: Outcome['outcome'] = 'ok'): Outcome {
  return { node: 'n', outcome, status: 0, code: '', message: '', hint: '', data, elapsed: 1 };
}

describe('the summary that a DDL requests', () => {
  const cases: [Aggregate['function'], unknown[], string][] = [
    ['nagios_states', [0, 0, 0, 1, 0], '  OK: 4  WARNING: 1'],
    ['nagios_states', [3, 2, 0, 7, 'x', null, '0'], '  OK: 1  CRITICAL: 1  UNKNOWN: 5'],
    ['summary', ['b', 'a', 'b', 4, null], '  b: 2  4: 1  a: 1  null: 1'],
    ['summary', [{ a: 1 }, { a: 1 }], '  {"a":1}: 2'],
    ['average', [1, 2, 6], '  3.000'],
    ['average', ['none', null, '4'], '  none'],
    ['sum', [1, 2, 0.5], '  3.5'],
  ];
  for (const [how, values, line] of cases)
    test(`is ${how} of ${JSON.stringify(values)}`, () => {
      const outcomes = values.map((value) => replied({ value }));
      assert.deepEqual(aggregateLines(outcomes, action([{ function: how, output: 'value' }])), [
        'Summary of value:',
        line,
        '',
      ]);
    });

  test('omits nodes that failed or have no such output, and shows nothing for a single reply', () => {
    const sum = action([{ function: 'sum', output: 'value' }]);
    const outcomes = [replied({ value: 1 }), replied({ value: 50 }, 'failed'), replied({}), replied({ value: 2 })];
    assert.equal(aggregateLines(outcomes, sum)[1], '  3');
    assert.deepEqual(aggregateLines([replied({ value: 1 })], sum), []);
    assert.deepEqual(aggregateLines([replied({}), replied({})], sum), []);
  });
});

describe('the choice of replies to show', () => {
  const shown = (display: ActionDdl['display'], given?: string) =>
    (['ok', 'failed', 'refused', 'no-response'] as const).filter((outcome) =>
      shows(chooseDisplay(given, action([], display)), replied({}, outcome)),
    );

  test('follows the DDL', () => {
    assert.deepEqual(shown('always'), ['ok', 'failed', 'refused', 'no-response']);
    assert.deepEqual(shown('ok'), ['ok']);
    assert.deepEqual(shown('failed'), ['failed', 'refused', 'no-response']);
  });

  test('follows the option of the caller', () => {
    assert.deepEqual(shown('always', 'none'), []);
    assert.deepEqual(shown('failed', 'all'), ['ok', 'failed', 'refused', 'no-response']);
    assert.deepEqual(shown('always', 'failed'), ['failed', 'refused', 'no-response']);
    assert.throws(() => shown('always', 'some'), { code: 'usage' });
  });
});
