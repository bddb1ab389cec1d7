import assert from 'node:assert/strict';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { findProcessTree } from '../../../../src/daemon/exec/process-tree.ts';

const fs = createRequire(import.meta.url)('node:fs') as typeof import('node:fs');

interface Fake {
  readonly parent: number;
  readonly start: number;
  readonly session?: number;
  readonly environment?: string;
}

/** The processes of a machine, by number, and the numbers whose files were read since. */
let machine: Map<number, Fake>;
let read: number[];

beforeEach(() => {
  machine = new Map([
    [1, { parent: 0, start: 1 }],
    [50, { parent: 1, start: 500, environment: 'A=1' }],
    [100, { parent: 1, start: 400, session: 100, environment: 'MARK=1' }],
    [101, { parent: 100, start: 500 }],
  ]);
  read = [];
  mock.method(fs, 'readdirSync', () => ['self', 'meminfo', ...machine.keys()].map(String));
  mock.method(fs, 'readFileSync', (path: string) => {
    const [, number, file] = /^\/proc\/(\d+)\/(stat|environ)$/.exec(path) ?? [];
    const one = machine.get(Number(number));
    if (one === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    if (file === 'environ') return one.environment ?? '';
    read.push(Number(number));
    const fields = ['S', one.parent, 0, one.session ?? 7, ...Array(15).fill(0), one.start];
    return `${number} (a ) b) ${fields.join(' ')}`;
  });
  syncBuiltinESMExports();
});
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

describe('a count of a process tree', () => {
  const counted = (tree: { count: () => number }) => {
    read = [];
    return [tree.count(), read.sort((a, b) => a - b)];
  };

  test('looks at each process of the machine the first time, then only at what is new or its own', () => {
    const tree = findProcessTree(100, 'MARK=1');
    assert.deepEqual(counted(tree), [2, [1, 50, 100, 101]]);
    assert.deepEqual(counted(tree), [2, [100, 101]]);
    machine.set(60, { parent: 101, start: 600 });
    machine.set(61, { parent: 1, start: 600, environment: 'A=1' });
    assert.deepEqual(counted(tree), [3, [60, 61, 100, 101]]);
    assert.deepEqual(counted(tree), [3, [60, 100, 101]]);
  });

  test('finds one that got the number of another one that had ended', () => {
    const tree = findProcessTree(100, 'MARK=1');
    tree.count();
    machine.delete(50);
    tree.count();
    machine.set(50, { parent: 1, start: 700, environment: 'MARK=1' });
    assert.deepEqual(counted(tree), [3, [50, 100, 101]]);
  });

  test('finds one that got the number of another one since the last count, in time', () => {
    const tree = findProcessTree(100, 'MARK=1');
    tree.count();
    machine.set(50, { parent: 1, start: 700, environment: 'MARK=1' });
    assert.equal(tree.count(), 2);
    for (let number = 2; number < 20; number++) tree.count();
    assert.equal(tree.count(), 3);
  });

  test('looks again at one that is replacing its program, which has no environment yet', () => {
    machine.set(60, { parent: 1, start: 600 });
    const tree = findProcessTree(100, 'MARK=1');
    tree.count();
    machine.set(60, { parent: 1, start: 600, environment: 'MARK=1' });
    assert.deepEqual(counted(tree), [3, [60, 100, 101]]);
  });
});
