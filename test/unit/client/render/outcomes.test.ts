import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aggregateLines } from '../../../../src/client/render/aggregate.ts';
import { printMissing } from '../../../../src/client/render/missing.ts';
import { chooseDisplay, renderOutcomes, shows } from '../../../../src/client/render/outcomes.ts';
import type { ActionDdl, Aggregate } from '../../../../src/core/ddl/ddl.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';
import { type Findings, noFindings } from '../../../../src/discovery/directory.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

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
    ['average', [1, 'x', 3], '  2.000'],
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

describe('the end of a call', () => {
  const outcomes = (['ok', 'failed', 'no-response', 'refused'] as const).map((outcome, index) => ({
    ...replied({}, outcome),
    node: `web${index}`,
    message: outcome === 'no-response' ? 'it did not answer' : 'it broke',
  }));
  const ended = (all: readonly Outcome[], shown: readonly Outcome[], quiet = false) => {
    const { context, out, err } = quietContext();
    renderOutcomes(shown, all, action([]), { discovery: 5, calls: 12.345, quiet }, context);
    return { out, err };
  };

  test('counts all that were called and all that replied, whichever of them are shown', () => {
    const { out, err } = ended(outcomes, outcomes.slice(1, 2));
    assert.deepEqual(
      [out.length, out[0]?.startsWith('web1 '), out.at(-1)],
      [3, true, 'Finished processing 3 / 4 hosts in 12.35 ms (found in 5.00 ms)'],
    );
    assert.deepEqual(err, ['No response from:', `  ${'web2'.padEnd(38)} it did not answer`]);
  });

  test('is not counted where nothing was called, and with -q', () => {
    assert.deepEqual(ended([], []), { out: [], err: [] });
    assert.deepEqual(ended(outcomes, [], true), { out: [], err: [] });
  });

  const missing = (findings: Partial<Findings>, verbose = false, source = {}) => {
    const { context, out, err } = quietContext();
    printMissing({ ...noFindings, ...findings }, context, { verbose, ...source });
    assert.deepEqual(out, []);
    return err;
  };
  const silent = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `web${index}`, lastSeen: undefined, by: 'expected' }));

  test('names a broken node once, also if its message begins with its name', () => {
    const broken = (message: string) =>
      missing({ broken: [{ name: 'web1', addresses: [], problem: new Problem('timeout', message) }] });
    assert.deepEqual(broken('web1 did not answer'), ['web1 did not answer']);
    assert.deepEqual(broken('web10 did not answer'), ['web1: web10 did not answer']);
  });

  test('names up to twenty silent nodes and counts the rest, and all of them with -v', () => {
    const list = 'to list the nodes: mco-deploy find -v';
    assert.deepEqual(missing({ silent: silent(1) }), ['No response from:', `  ${'web0'.padEnd(38)} never seen`, list]);
    assert.equal(missing({ silent: silent(20) }).length, 22);
    assert.match(missing({ silent: silent(20) }).at(-2) ?? '', /^ {2}web19 /);
    assert.equal(missing({ silent: silent(23) }).length, 23);
    assert.equal(missing({ silent: silent(23) }).at(-2), '  and 3 more (-v lists them all)');
    assert.match(missing({ silent: silent(23) }, true).at(-2) ?? '', /^ {2}web22 /);
  });

  test('says where to look for the cause if a node is silent that was seen before', () => {
    const seen = { name: 'web1', lastSeen: Date.parse('2026-01-31T00:00:00Z'), by: 'cache' };
    assert.deepEqual(missing({ silent: [seen, ...silent(1)] }), [
      'No response from:',
      `  ${'web1'.padEnd(38)} last seen 2026-01-31T00:00:00.000Z by this client`,
      `  ${'web0'.padEnd(38)} never seen`,
      'to see why, on the host that is silent: mco-deploy doctor node',
    ]);
  });

  test('says that no node was discovered only if none was heard of', () => {
    const none = 'no node was discovered that matches';
    assert.deepEqual(missing({}), [none, 'to see why: mco-deploy doctor client']);
    assert.deepEqual(missing({ unmatched: 2 }), [none, 'to list the nodes: mco-deploy find -v']);
    const hint = 'no known node has cluster=brav; nearest: “bravo”';
    assert.deepEqual(missing({ hints: [hint] }), [none, hint, 'to list the nodes: mco-deploy find -v']);
    const problem = new Problem('foreign-certificate', 'it is strange\nand more', 'find out why');
    assert.deepEqual(missing({ broken: [{ name: 'web1', addresses: [], problem }] }), [
      'web1: it is strange\n  and more (find out why)',
    ]);
    assert.ok(!missing({ silent: silent(1) }).includes(none));
  });

  test('names the next command with the typed options that say where nodes are found', () => {
    const source = { config: 'client.yaml', nodes: 'my nodes', do: ['a=1'], via: ['r1', 'r2'] };
    assert.equal(missing({}, false, source).at(-1), 'to see why: mco-deploy doctor client --config client.yaml');
    assert.equal(
      missing({ unmatched: 1 }, false, source).at(-1),
      "to list the nodes: mco-deploy find -v --config client.yaml --nodes 'my nodes' --do a=1 --via r1 --via r2",
    );
  });

  test('names three of those that were announced without proof, and counts them all', () => {
    const problem = new Problem('unreachable', 'it does not answer');
    const rumours = (count: number, more = false) => {
      const examples = Array.from({ length: count }, (_, index) => ({ name: `x${index}`, addresses: [], problem }));
      return missing({ rumours: { count, more, examples } })[0];
    };
    const end = 'announced by multicast without proof';
    assert.equal(rumours(1), `not counted: 1 name was ${end} (x0: it does not answer)`);
    assert.equal(rumours(3), `not counted: 3 names were ${end} (x0, x1, x2: it does not answer)`);
    assert.equal(rumours(4, true), `not counted: more than 4 names were ${end} (x0, x1, x2, …: it does not answer)`);
  });
});
