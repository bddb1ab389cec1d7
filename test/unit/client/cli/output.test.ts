import assert from 'node:assert/strict';
import fs, { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { describe, type TestContext, test } from 'node:test';
import { openOutput } from '../../../../src/client/cli/io/output.ts';
import { redrawsLines, usesColors } from '../../../../src/client/cli/io/color.ts';
import { applyColors, columnsOf, paintFor, paintMessage } from '../../../../src/client/render/color.ts';
import { formatTable } from '../../../../src/client/render/table.ts';
import { runInProcess } from '../../../support/program/cli.ts';

test('lines are not redrawn on a terminal that cannot move its cursor', () => {
  assert.deepEqual(
    [redrawsLines({ TERM: 'dumb' }), redrawsLines({ TERM: 'xterm' }), redrawsLines({})],
    [false, true, true],
  );
});

describe('colours', () => {
  test('are used on a terminal, unless NO_COLOR or the terminal forbids them, and always follow --color', () => {
    assert.equal(usesColors(['status'], {}, true), true);
    assert.equal(usesColors(['status'], {}, false), false, 'none in a pipe');
    for (const words of [['--no-color'], ['--no-colour'], ['--colour', 'never'], ['--colour=never']]) {
      assert.equal(usesColors(['status', ...words], {}, true), false, words.join(' '));
    }
    assert.equal(usesColors(['status'], { NO_COLOR: '1' }, true), false);
    assert.equal(usesColors(['status'], { NO_COLOR: '' }, true), true, 'an empty one says nothing');
    assert.equal(usesColors(['status'], { TERM: 'dumb' }, true), false);
    assert.equal(usesColors(['status', '--color', 'always'], { NO_COLOR: '1' }, false), true);
    assert.equal(usesColors(['status', '--color=never'], {}, true), false);
    assert.equal(usesColors(['rpc', '--', '--color=always'], {}, false), false, 'words after -- are not options');
  });

  test('are escape sequences if they are on, nothing if they are off, and add no width', () => {
    const paint = paintFor({ colors: true });
    assert.equal(applyColors(`a ${paint('red', 'NO')} b`, true), 'a \x1b[31mNO\x1b[0m b');
    assert.equal(applyColors(`a ${paint('red', 'NO')} b`, false), 'a NO b');
    assert.equal(paintFor({})('red', 'NO'), 'NO');
    assert.equal(columnsOf(paint('green', 'yes')), 3);
    assert.deepEqual(
      formatTable(
        ['A', 'B'],
        [
          [paint('red', 'NO'), 'x'],
          ['yes', 'y'],
        ],
      ).map((line) => applyColors(line, false)),
      ['A    B', 'NO   x', 'yes  y'],
    );
  });

  test('highlight errors and warnings, and nothing that only resembles one', () => {
    const show = (line: string) => applyColors(paintMessage(line, paintFor({ colors: true })), true);
    assert.equal(show('mco-deploy: no such file'), '\x1b[31mmco-deploy:\x1b[0m no such file');
    assert.equal(show('warning: dev2: its clock is off'), '\x1b[33mwarning:\x1b[0m dev2: its clock is off');
    assert.equal(show('dev2: warning: x'), 'dev2: warning: x');
  });
});

describe('the option -o', () => {
  test('accepts json as --json, and jsonl for one item per line', async () => {
    const [json, same, lines] = await Promise.all(
      [['-j'], ['-o', 'json'], ['-ojsonl']].map((words) => runInProcess(['explain', ...words], '/nowhere')),
    );
    assert.deepEqual(json?.out, same?.out);
    const codes = JSON.parse(json?.out.join('\n') ?? '') as unknown[];
    assert.ok(codes.length > 20);
    assert.deepEqual(
      lines?.out.map((line) => JSON.parse(line) as unknown),
      codes,
    );
  });

  test('refuses another format, and errors are JSON if JSON was requested', async () => {
    const { code, err } = await runInProcess(['explain', '-o', 'yaml'], '/nowhere');
    assert.equal(code, 64);
    assert.match(err.join('\n'), /“yaml” is not a valid value of --output: use table, wide, json or jsonl/);
    const failed = await runInProcess(['explain', 'nope', '-o', 'jsonl'], '/nowhere');
    assert.equal((JSON.parse(failed.err.at(-1) ?? '') as { exit_code: number }).exit_code, 64);
  });
});

describe('the output of a command', () => {
  /** Writes to a file through a kernel that takes a few bytes at a time, or fails first. @param faults codes, one a call */
  const written = async (t: TestContext, texts: readonly string[], faults: readonly string[] = []) => {
    const file = `/dev/shm/mco-output-${process.pid}`;
    const descriptor = openSync(file, 'w');
    const [left, real] = [[...faults], fs.write];
    t.mock.method(fs, 'write', ((to: number, bytes: Buffer, done: (error: unknown, count: number) => void) => {
      const code = left.shift();
      if (code === undefined) real(to, bytes.subarray(0, 3), (error, count) => done(error, count));
      else setImmediate(() => done(Object.assign(new Error(code), { code }), 0));
    }) as never);
    syncBuiltinESMExports();
    try {
      const output = openOutput(descriptor);
      for (const text of texts) {
        output.write(text);
        if (faults.length > 1) await output.drained();
      }
      await output.drained();
      return { text: readFileSync(file, 'utf8'), failure: output.failure()?.code, closed: output.closed.aborted };
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
      closeSync(descriptor);
      rmSync(file);
    }
  };

  test('is written whole and in order, however little the kernel takes at a time, and again when it takes none', async (t) => {
    const whole = { text: 'one, two and three: ää\n', failure: undefined, closed: false };
    assert.deepEqual(await written(t, ['one, ', 'two and ', 'three: ää\n'], ['EAGAIN']), whole);
  });

  test('keeps the first of its errors, and writes on unless its reader is gone', async (t) => {
    assert.deepEqual(await written(t, ['one'], ['ENOSPC']), { text: '', failure: 'ENOSPC', closed: false });
    const both = await written(t, ['one', 'two', 'three'], ['ENOSPC', 'EFBIG']);
    assert.deepEqual(both, { text: 'three', failure: 'ENOSPC', closed: false });
    assert.deepEqual(await written(t, ['one'], ['EPIPE']), { text: '', failure: 'EPIPE', closed: true });
  });
});
