import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requireEveryProcess } from '../../../../../src/agents/haproxy/runtime/every-process.ts';
import { parseInfo } from '../../../../../src/agents/haproxy/runtime/process.ts';
import { thrownBy } from '../../../../support/thrown.ts';

/** @param shares of each socket: the number of its process, and how many there are; undefined: not reported */
function check(...shares: (readonly [number: number, of: number] | undefined)[]): void {
  const processes = shares.map((share, at) => {
    const [number, of] = share ?? [];
    const fields = share === undefined ? '' : `Nbproc: ${of}\nProcess_num: ${number}\n`;
    return [`/run/${at + 1}.sock`, parseInfo(`${fields}Pid: 7\nUptime_sec: 1`, '')];
  });
  requireEveryProcess(Object.fromEntries(processes));
}

describe('a HAProxy of several processes (nbproc)', () => {
  test('is refused unless a socket leads to each of them', () => {
    const { code, message } = thrownBy(() => check([1, 4], [3, 4]));
    const words =
      'HAProxy at /run/1.sock, /run/2.sock runs as 4 processes (“nbproc”), and no socket leads to number 2, 4';
    assert.deepEqual([code, message], ['haproxy-processes', words]);
    check([2, 2], [1, 2]);
  });

  test('is complete beside others of one process, and beside another of as many', () => {
    check([1, 1], undefined, [1, 1], [1, 2], [2, 2], [1, 2], [2, 2]);
    assert.match(thrownBy(() => check([1, 2], [2, 2], [1, 2])).message, /no socket leads to number 2$/);
  });
});
