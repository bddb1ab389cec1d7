import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { caseFiles, readCases, type ScriptCase } from '../../support/puppet/cases.ts';
import { runText } from '../../support/puppet/run-script.ts';

const languageFiles = caseFiles().filter((file) => file !== 'errors.txt');

for (const file of languageFiles) {
  describe(`the language, ${file.replace('.txt', '')}`, () => {
    for (const one of readCases(file)) test(one.name, () => check(one));
  });
}

/** The lines that it prints and the calls that it makes, in order, through the engine that runs playbooks. */
async function check({ script, notices, run }: ScriptCase): Promise<void> {
  const found = await runText(script);
  assert.deepEqual(found.notices, notices);
  if (run.length === 0) return;
  const done = found.report.steps
    .filter(({ state }) => state === 'done')
    .map(({ id }) => id.split(/\/(?=[A-Z])/).at(-1));
  assert.deepEqual(done, run);
}

describe('each mistake in a script is reported with its position, in one sentence', () => {
  for (const one of readCases('errors.txt')) test(one.name, () => checkError(one));
});

async function checkError({ script, error }: ScriptCase): Promise<void> {
  assert.ok(error !== undefined);
  await assert.rejects(runText(script), (thrown) => {
    assert.ok(thrown instanceof Problem, String(thrown instanceof Error ? thrown.stack : thrown));
    assert.equal(thrown.code, 'bad-script');
    assert.equal(thrown.message.split('\n').length, 1, thrown.message);
    const place = `test.mc:${error.line}:${error.column}: `;
    assert.ok(thrown.message.startsWith(place), `${thrown.message} should be at ${place}`);
    const said = `${thrown.message.slice(place.length)} ${thrown.hint}`;
    assert.ok(said.startsWith(error.sentence), said);
    return true;
  });
}

test('the tables have at least their expected size', () => {
  const size = languageFiles.flatMap(readCases).length;
  assert.ok(size >= 150, `${size} cases of the language`);
  assert.ok(readCases('errors.txt').length >= 60);
});
