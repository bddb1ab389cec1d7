import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInProcess } from '../../../support/program/cli.ts';

test('the help lists each command in one group', async () => {
  const { code, out } = await runInProcess(['--help'], '/nowhere');
  assert.equal(code, 0);
  const text = out.join('\n');
  const headings = ['Look:', 'Deploy:', 'Fleet:', 'Trust:', 'Write:'];
  const places = headings.map((heading) => text.indexOf(`\n${heading}\n`));
  assert.ok(
    places.every((place) => place > 0),
    text,
  );
  assert.ok(!text.includes('Other:'), text);
});

test('a mistyped option gets a suggestion', async () => {
  const { code, err } = await runInProcess(['ping', '--tiemout', '3'], '/nowhere');
  assert.equal(code, 64);
  assert.match(err.join('\n'), /there is no option --tiemout: did you mean --timeout\?/);
});
