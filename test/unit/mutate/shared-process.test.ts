import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type SharedProcess, shareProcess } from '../../mutate/shared/shared-process.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

const forever = 60_000;
const again = ['src/one.ts', 'src/two.ts', 'test/two.test.ts'];
const opened: SharedProcess[] = [];
after(() => {
  for (const one of opened) one[Symbol.dispose]();
});

/** A project in which two.ts imports one.ts, with a test of it. `lines` is the body of that test. */
function project(lines: string) {
  const root = temporaryDirectory();
  const write = (file: string, text: string) => writeFileSync(join(root, file), text);
  for (const folder of ['src', 'test']) mkdirSync(join(root, folder));
  write('src/one.ts', 'export const one = (): number => 1;\n');
  write('src/two.ts', "import { one } from './one.ts';\nexport const two = (): number => one() + 1;\n");
  write(
    'test/two.test.ts',
    `import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { two } from '../src/two.ts';
const seen = [];
${lines}`,
  );
  const shared = shareProcess(root);
  opened.push(shared);
  return { write, run: (most = forever) => shared.run('test/two.test.ts', again, most) };
}

describe('the shared process', () => {
  test('loads a changed file again, and those that import it', async () => {
    const { run, write } = project("test('x', () => assert.equal(two(), 2));\n");
    const outcomes = [await run()];
    write('src/one.ts', 'export const one = (): number => 2;\n');
    outcomes.push(await run());
    write('src/one.ts', 'export const one = (): number => 1;\n');
    outcomes.push(await run());
    assert.deepEqual(outcomes, ['passed', 'failed', 'passed']);
  });

  test('runs hooks around a test as node:test does', async () => {
    const { run } = project(`
      const note = (word) => () => void seen.push(word);
      before(note('before'));
      describe('outer', () => {
        beforeEach(note('each'));
        afterEach(note('after each'));
        after(note('after'));
        test('x', (t) => { t.after(note('t')); seen.push('x'); });
        describe('inner', () => { beforeEach(note('inner each')); test('y', { timeout: 5 }, note('y')); });
      });
      test('z', () => assert.equal(seen.join(), 'before,each,x,after each,t,each,inner each,y,after each,after'));
    `);
    assert.equal(await run(), 'passed');
  });

  test('counts a test that would wait forever, or a file without a test, as a failure', async () => {
    for (const lines of ["test('x', () => new Promise(() => {}));\n", 'seen.push(1);\n']) {
      assert.equal(await project(lines).run(), 'failed', lines);
    }
  });

  test('leaves a mutant undecided that fails outside of a test or ends the process', async () => {
    for (const body of ['Promise.reject(new Error());', 'process.exitCode = 1;', 'process.exit(0);']) {
      const { run } = project(`test('x', () => { ${body} });\n`);
      assert.equal(await run(), 'unclear', body);
    }
  });

  test('reports a test that takes too long, and runs the next one in another process', async () => {
    const { write, run } = project("test('x', () => new Promise((done) => setTimeout(done, 60_000 * (two() - 2))));\n");
    write('src/one.ts', 'export const one = (): number => 2;\n');
    assert.equal(await run(500), 'late');
    write('src/one.ts', 'export const one = (): number => 1;\n');
    assert.equal(await run(), 'passed');
  });
});
