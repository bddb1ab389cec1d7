import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { alone } from '../../together/alone.ts';
import { chosenBy, later } from '../../together/later.ts';
import { programsOf } from '../../together/programs.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

const group = join(import.meta.dirname, '../../together/group.ts');

/** Runs test files of this content in one process. */
function runGroup(...contents: readonly string[]) {
  const directory = temporaryDirectory();
  const files = contents.map((content, index) => {
    const file = join(directory, `${index}.mjs`);
    writeFileSync(file, `import { after, before, test } from 'node:test';\n${content}\n`);
    return file;
  });
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [group, ...files], { encoding: 'utf8', env });
  return { status, stdout };
}

describe('test files that share a process', () => {
  test('pass if each of them passes and leaves the process as it found it', () => {
    const restored =
      "before(() => { process.env.X = '1'; }); test('one', () => {}); after(() => { delete process.env.X; });";
    const { status, stdout } = runGroup(
      restored,
      "test('two', () => { if (process.env.X) throw new Error('of another file'); });",
    );
    assert.equal(status, 0, stdout);
    assert.match(stdout, /tests 2\b/);
  });

  for (const [left, code] of [
    ['a changed environment', "test('one', () => { process.env.X = '1'; });"],
    ['another directory', "test('one', () => process.chdir('/'));"],
    ['a listener', "test('one', () => { process.on('SIGUSR2', () => {}); });"],
    ['a replaced timer', "test('one', () => { globalThis.setTimeout = () => {}; });"],
    ['an exit code', "test('one', () => { process.exitCode = 3; });"],
  ] as const) {
    test(`fail if one leaves ${left}, and the failure names the file`, () => {
      const { status, stdout } = runGroup(code, "test('two', () => {});");
      assert.notEqual(status, 0);
      assert.match(stdout, /✖ \S*0\.mjs[^✖]*the file has left the process as it found it/);
    });
  }

  test('get back nothing that an earlier file replaced when they restore what they replaced', () => {
    const nested =
      "mock.timers.enable({ apis: ['setTimeout'] }); mock.method(globalThis, 'setTimeout').mock.restore(); mock.timers.reset();";
    const { status, stdout } = runGroup(
      `import { mock } from 'node:test'; test('one', () => { ${nested} });`,
      "import { mock } from 'node:test'; const real = setTimeout; test('two', () => { mock.restoreAll(); if (setTimeout !== real) throw new Error('a mock'); });",
    );
    assert.equal(status, 0, stdout);
  });

  test('fail if a step after a file fails', () => {
    assert.notEqual(runGroup("test('one', () => {}); after(() => { throw new Error('left'); });").status, 0);
  });

  test('fail with what to do if one awaits at its top level', () => {
    const { status, stdout } = runGroup("await 1; test('one', () => {});");
    assert.notEqual(status, 0);
    assert.match(
      stdout,
      /0\.mjs awaits at its top level: do that in before\(\), or list the file in test\/together\/alone\.ts/,
    );
  });
});

describe('a test file or a group that', () => {
  /** Runs a file of this content, whose minutes take some milliseconds. */
  const runOpen = (content: string) => {
    const [quick, file] = [join(temporaryDirectory(), 'quick.mjs'), join(temporaryDirectory(), 'one.mjs')];
    writeFileSync(quick, 'const { setTimeout } = globalThis; globalThis.setTimeout = (end) => setTimeout(end, 20);');
    writeFileSync(file, `import { test } from 'node:test';\n${content}\n`);
    const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
    const preloads = [quick, join(import.meta.dirname, '../../together/still-open.ts')];
    const imports = preloads.flatMap((path) => ['--import', pathToFileURL(path).href]);
    return spawnSync(process.execPath, [...imports, file], { encoding: 'utf8', env, timeout: 60_000 });
  };

  test('leaves something open is ended, and its output has the failed test and what is open', () => {
    const left = "(await import('node:net')).createServer().listen(0); throw new Error('why');";
    const { status, stdout, stderr } = runOpen(`test('one', async () => { ${left} });`);
    assert.equal(status, 1);
    assert.match(stdout, /✖ one/);
    assert.match(stderr, /^a test left something open, which keeps the process from ending: .*TCP/m);
  });

  test('leaves nothing open ends by itself', () => {
    const { status, stderr } = runOpen("test('one', () => {});");
    assert.deepEqual([status, stderr], [0, '']);
  });
});

test('every test file runs once, in a group or alone', () => {
  for (const folder of ['unit', 'protocol', 'process']) {
    const programs = programsOf(folder);
    const files = programs.flatMap(({ file, args }) => (args.length > 0 ? args : [file]));
    assert.ok(files.length > 50);
    assert.deepEqual([...new Set(files)].length, files.length);
    assert.ok(files.every((file) => file.endsWith('.test.ts')));
  }
  const groups = programsOf('unit').filter(({ args }) => args.length > 0);
  assert.ok(groups.length > 5);
  assert.equal(programsOf('process').filter(({ args }) => args.length > 0).length, 0);
});

test('every test file runs in npm test or in test:full, and each that is listed exists', () => {
  const files = ['unit', 'contract', 'protocol', 'process', 'lab'].flatMap((folder) =>
    programsOf(folder).flatMap(({ file, args }) => (args.length > 0 ? args : [file])),
  );
  const tests = join(import.meta.dirname, '../..');
  const [isInTest, isInFull] = [chosenBy(['all']), chosenBy(['full'])];
  for (const path of files.map((file) => relative(tests, file))) {
    assert.notEqual(isInTest(path), isInFull(path), path);
  }
  for (const file of [...later, ...alone]) assert.ok(existsSync(join(tests, file)), file);
  assert.ok([...later].every((file) => /^(protocol|process|lab)\//.test(file)));
});
