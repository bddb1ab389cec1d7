import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  integerIn,
  parseServersState,
  parseStat,
  textIn,
} from '../../../../../src/agents/haproxy/runtime/parse-stats.ts';
import { Problem } from '../../../../../src/core/errors.ts';

const isProblem = (problem: unknown) => problem instanceof Problem && problem.code === 'haproxy-answer';

describe('the answer to “show stat”', () => {
  test('is read by the names of its columns, quoted fields included', () => {
    const [row] = parseStat('# pxname,svname,last_chk,scur,\napp,web1,"a ""b"", c",,\n');
    assert.ok(row);
    assert.equal(textIn(row, 'svname'), 'web1');
    assert.equal(textIn(row, 'last_chk'), 'a "b", c');
    assert.equal(integerIn(row, 'scur'), 0);
    assert.throws(() => integerIn(row, 'svname'), isProblem);
    assert.throws(() => textIn(row, 'no_such_column'), isProblem);
  });

  test('gives no rows where there is no such proxy, and is refused in every other form', () => {
    assert.deepEqual(parseStat('No such proxy.'), []);
    for (const answer of ['', 'Permission denied', 'No such proxies.', '# svname,pxname\n', 'Unknown command.']) {
      assert.throws(() => parseStat(answer), isProblem, answer);
    }
  });
});

describe('the answer to “show servers state”', () => {
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
