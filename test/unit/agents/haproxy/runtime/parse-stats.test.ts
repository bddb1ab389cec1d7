import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  integerIn,
  isNoProxy,
  parseServersState,
  parseStat,
  textIn,
} from '../../../../../src/agents/haproxy/runtime/parse-stats.ts';
import { Problem } from '../../../../../src/core/errors.ts';

const isProblem = (problem: unknown) => problem instanceof Problem && problem.code === 'haproxy-answer';

test('the columns of “show servers state” have the names of its second line', () => {
  const [row] = parseServersState('1\n# be_id be_name srv_name\n3 app web1\n');
  assert.deepEqual(
    [...(row ?? [])],
    [
      ['be_id', '3'],
      ['be_name', 'app'],
      ['srv_name', 'web1'],
    ],
  );
});

describe('the reply to “show stat”', () => {
  test('is read by the names of its columns, quoted fields included', () => {
    const [row] = parseStat('# pxname,svname,last_chk,scur,\napp,web1,"a ""b"", c",,\n');
    assert.ok(row);
    assert.equal(textIn(row, 'svname'), 'web1');
    assert.equal(textIn(row, 'last_chk'), 'a "b", c');
    assert.equal(integerIn(row, 'scur'), 0);
    assert.throws(() => integerIn(row, 'svname'), isProblem);
    assert.throws(() => textIn(row, 'no_such_column'), isProblem);
  });

  test('is refused in every other form, and only the words for an unknown proxy are known', () => {
    assert.deepEqual(['No such proxy.', 'No such proxies.', ''].map(isNoProxy), [true, false, false]);
    for (const answer of [
      '',
      'No such proxy.',
      'Permission denied',
      'No such proxies.',
      '# svname,pxname\n',
      'Unknown command.',
    ]) {
      assert.throws(() => parseStat(answer), isProblem, answer);
    }
  });
});

describe('the reply to “show servers state”', () => {
  test('is read by the names of its columns', () => {
    const [row] = parseServersState('1\n# be_id be_name srv_name\n3 app web1');
    assert.ok(row);
    assert.equal(textIn(row, 'be_name'), 'app');
  });

  test('is refused in another version or form', () => {
    for (const answer of ['2\n# be_id be_name\n3 app', 'Can’t find backend.', '', '1\nbe_id']) {
      assert.throws(() => parseServersState(answer), isProblem, answer);
    }
  });
});

describe('a line of CSV', () => {
  const fields = (line: string) => {
    const [row] = parseStat(`# pxname,svname,a,b\n${line}`);
    return row === undefined ? undefined : ['pxname', 'svname', 'a', 'b'].map((column) => row.get(column));
  };
  for (const [line, expected] of [
    ['app,web1,1,2', ['app', 'web1', '1', '2']],
    ['app,web1', ['app', 'web1', '', '']],
    ['app,web1,,', ['app', 'web1', '', '']],
    ['"app",web1,1,2', ['app', 'web1', '1', '2']],
    ['app,web1,"1","2"', ['app', 'web1', '1', '2']],
    ['app,web1,"a,b","c""d"', ['app', 'web1', 'a,b', 'c"d']],
    ['app,web1,"","2"', ['app', 'web1', '', '2']],
    ['app,web1,"""","2"', ['app', 'web1', '"', '2']],
    ['app,web1,"open', ['app', 'web1', 'open', '']],
    ['app,web1,"1"x,2', ['app', 'web1', '1', '2']],
  ] as const) {
    test(`${line} has the fields ${JSON.stringify(expected)}`, () => assert.deepEqual(fields(line), expected));
  }

  test('has no fields if it is empty', () => assert.equal(parseStat('# pxname,svname,a\n\napp,web1,1\n').length, 1));
});

describe('a whole number in a column', () => {
  const read = (text: string) => integerIn(new Map([['scur', text]]), 'scur');

  test('may be negative, and is 0 if the column is empty', () => {
    assert.deepEqual(['0', '7', '-1', '', '999999999999999'].map(read), [0, 7, -1, 0, 999_999_999_999_999]);
  });

  for (const text of ['1.5', ' 1', '1 ', '+1', '0x1', '-', '1234567890123456'])
    test(`cannot be “${text}”`, () =>
      assert.throws(() => read(text), {
        code: 'haproxy-answer',
        message: `HAProxy’s answer has “${text}” in the column “scur”, not a number`,
      }));
});

test('an unknown reply is quoted by its first 80 characters', () => {
  const long = 'x'.repeat(100);
  const message = (read: () => unknown) => {
    try {
      read();
    } catch (problem) {
      return (problem as Problem).message;
    }
    return '';
  };
  assert.ok(message(() => parseStat(long)).endsWith(`: ${'x'.repeat(80)}`));
  assert.ok(message(() => parseServersState(long)).endsWith(`: ${'x'.repeat(80)}`));
  assert.ok(message(() => integerIn(new Map([['scur', long]]), 'scur')).includes(`“${'x'.repeat(40)}”`));
});

test('the reply to “show servers state” has a row for each line that is not empty, its fields in order', () => {
  const rows = parseServersState('1\n# be_name srv_name\napp web1\n\napp');
  assert.deepEqual(
    rows.map((row) => [...row.values()]),
    [
      ['app', 'web1'],
      ['app', ''],
    ],
  );
  for (const answer of ['1\nbe_id', '2\n# be_id'])
    assert.throws(() => parseServersState(answer), { message: /unknown form: [12]$/ });
});
