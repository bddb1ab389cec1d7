import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { applyColors, paintFor } from '../../../../src/client/render/color.ts';
import { outcomeTable } from '../../../../src/client/render/outcome-table.ts';
import { outcomeLines } from '../../../../src/client/render/outcomes.ts';
import { printTable } from '../../../../src/client/render/table.ts';
import { valueLines } from '../../../../src/client/render/values.ts';
import type { ActionDdl } from '../../../../src/core/ddl/ddl.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';

const now = Date.UTC(2026, 10, 28, 23, 0, 0);
const time = { type: 'integer', 'x-unit': 'epoch-ms' } as const;
const server = { type: 'object', properties: { name: { type: 'string' }, since: time } } as const;
const action: ActionDdl = {
  ...{ description: '', kind: 'read', repeatable: true, timeout: 1, dryRun: false, display: 'always' },
  input: { type: 'object', properties: {} },
  output: {
    type: 'object',
    properties: {
      backend: { type: 'string', 'x-display-as': 'Backend' },
      servers: { type: 'array', items: server },
    },
  },
};
const replied = (node: string, data: Record<string, unknown>, outcome: Outcome['outcome'] = 'ok'): Outcome => {
  return {
    node,
    outcome,
    status: 0,
    code: '',
    message: outcome === 'ok' ? '' : 'no such backend',
    hint: '',
    data,
    elapsed: 1.25,
  };
};
const two = [
  { name: 'dev2', since: now - 120_000 },
  { name: 'dev4', since: 0 },
];

describe('replies of nodes', () => {
  test('show lists of objects as tables, and times in readable form', () => {
    assert.deepEqual(valueLines(two, { items: server }, now), [
      'name  since',
      'dev2  2026-11-28T22:58:00Z (2m ago)',
      'dev4  -',
    ]);
    assert.deepEqual(valueLines({ os: { name: 'debian', release: 12 }, up: true }, undefined, now), [
      'os',
      '  name     debian',
      '  release  12',
      'up  true',
    ]);
    const nested = [{ name: 'dev2', lines: [{ line: 'app/dev2' }, { line: 'api/dev2' }] }];
    assert.deepEqual(
      valueLines(nested, undefined, now),
      ['name  lines', 'dev2  2 items'],
      'a table in a cell is counted',
    );
    assert.deepEqual(valueLines('two\nlines', undefined, now), ['two', 'lines']);
    const lines = outcomeLines(replied('lb1', { backend: 'app', servers: two }), action, { paint: paintFor({}) });
    assert.deepEqual(lines.slice(0, 4), ['lb1', '  Backend: app', '  servers:', '      name  since']);
  });

  test('have in a table a line for each listed item, and the reason of a node that failed', () => {
    const outcomes = [replied('lb1', { backend: 'app', servers: two }), replied('lb2', {}, 'failed')];
    const manner = { paint: paintFor({}), now, wide: false };
    assert.deepEqual(outcomeTable(outcomes, action, manner), [
      'node  Backend  name  since',
      'lb1   app      dev2  2026-11-28T22:58:00Z (2m ago)',
      'lb1            dev4  -',
      'lb2   failed: no such backend',
    ]);
    const [head, first] = outcomeTable(outcomes, action, { ...manner, wide: true });
    assert.match(head ?? '', /^node +outcome +time +Backend/);
    assert.match(first ?? '', /^lb1 +ok +1\.3 ms +app/);
  });

  test('fit the terminal in a table, colours included, unless -o wide is given', () => {
    const paint = paintFor({ colors: true });
    const print = (output?: 'wide') => {
      const lines: string[] = [];
      const options = output === undefined ? {} : { output };
      printTable(['NODE', 'TEXT'], [['dev2', paint('red', 'x'.repeat(40))]], options, {
        out: (line) => lines.push(applyColors(line, true)),
        columns: 20,
      });
      return lines[1] ?? '';
    };
    assert.equal(print(), `dev2  \x1b[31m${'x'.repeat(13)}\x1b[0m…`);
    assert.ok(print('wide').includes('x'.repeat(40)));
  });
});

test('a time is shown as one, whether its unit is seconds or milliseconds', () => {
  const shown = (value: number, unit: string) => valueLines(value, { type: 'integer', 'x-unit': unit }, now);
  assert.deepEqual(shown(now - 120_000, 'epoch-ms'), shown((now - 120_000) / 1000, 'epoch-s'));
  assert.match(shown(now - 120_000, 'epoch-ms')[0] ?? '', /^2026-11-28T22:58:00Z \(/);
  assert.deepEqual([shown(0, 'epoch-s'), shown(5, 's')], [['-'], ['5']]);
});
