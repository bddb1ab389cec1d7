import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { errorsPage } from '../../../build/docs/errors-page.ts';
import { runCli } from '../../../src/client/cli/cli.ts';
import type { ProcessContext } from '../../../src/client/cli/context.ts';
import { explainCommand } from '../../../src/client/commands/explain/index.ts';
import { findProblem, problemCodes, problemTopics } from '../../../src/core/problems/index.ts';

const repository = join(import.meta.dirname, '../../..');
const source = join(repository, 'src');

/** The source without the table itself. */
const text = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('core/problems/'))
  .map((file) => readFileSync(join(source, file), 'utf8'))
  .join('\n');

async function mco(...words: string[]) {
  const lines: string[] = [];
  let code = -1;
  const context: ProcessContext = {
    env: {},
    stdin: process.stdin,
    out: (line) => void lines.push(line),
    err: (line) => void lines.push(line),
    status: () => {},
    isTerminal: false,
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    exit: (given) => {
      code = given;
    },
  };
  await runCli(words, { version: '', commands: [explainCommand] }, context);
  return { code, output: lines.join('\n') };
}

describe('the table of problem codes', () => {
  test('matches docs/errors.md (npm run docs writes it)', () => {
    assert.equal(readFileSync(join(repository, 'docs/errors.md'), 'utf8'), errorsPage());
  });

  test('has every code named by the page of symptoms', () => {
    const page = readFileSync(join(repository, 'docs/troubleshooting.md'), 'utf8');
    const named = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code = '']) => code),
    );
    assert.ok(named.length > 15);
    assert.deepEqual(
      named.filter((code) => findProblem(code) === undefined),
      [],
    );
  });

  test('has no code that nothing reports', () => {
    const unused = problemCodes().filter((code) => !text.includes(`'${code}'`) && !text.includes(`${code}: `));
    assert.deepEqual(unused, []);
  });

  test('has each code once', () => {
    const all = Object.values(problemTopics).flatMap((topic) => Object.keys(topic));
    assert.deepEqual(
      all.filter((code, index) => all.indexOf(code) !== index),
      [],
    );
  });

  test('gives for each code a meaning and a next step, as sentences', () => {
    for (const code of problemCodes()) {
      const { meaning = '', fix = '' } = findProblem(code) ?? {};
      for (const sentence of [meaning, fix]) assert.match(sentence, /^\S.*[.)]$/s, code);
    }
  });

  test('has the code of every failure that playbooks and outcomes report without an error', () => {
    const written = [...text.matchAll(/\bcode: '([a-z]+(?:-[a-z]+)*)'/g)].map(([, code = '']) => code);
    assert.deepEqual([...new Set(written)].filter((code) => findProblem(code) === undefined).sort(), []);
  });
});

describe('explain', () => {
  test('prints what a code means and what to do', async () => {
    const { code, output } = await mco('explain', 'policy-denied');
    assert.equal(code, 0);
    assert.match(output, /^policy-denied\n {2}No policy .*\n {2}What to do: /);
  });

  test('refuses an unknown code and names the nearest', async () => {
    const { code, output } = await mco('explain', 'policy-denid');
    assert.equal(code, 64);
    assert.match(output, /“policy-denid” is not a problem code.*policy-denied/);
  });

  test('lists all codes, also as JSON', async () => {
    assert.match((await mco('explain')).output, /^lease-held$/m);
    assert.ok((JSON.parse((await mco('explain', '--json')).output) as string[]).includes('lease-held'));
  });
});
