// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readTexts, textsOf } from '../../../../../src/library/runs/fleet/texts.ts';
import { readTree } from '../../../../../src/playbook/source/reading.ts';
import { codeOfAsync } from '../../../../support/thrown.ts';

const steps = 'nodes: {all: {agents: [thing]}}\nsteps: [{id: go, call: thing.look, on: all}]\n';
const outer = (inputs: string, more = '') =>
  `name: outer\ninputs: {${inputs}}\nsteps: [{id: inner, use: ./inner.yaml}]\n${more}`;
const inner = (inputs = '') => `name: inner\ninputs: {${inputs}}\n${steps}`;

/** What a journal on nodes has of a playbook that uses another, if its text may be stored there. */
async function stored(text: string, used: string, inputs: Readonly<Record<string, unknown>> = {}) {
  const tree = await readTree({ text, name: '/p/outer.yaml' }, async () => ({ text: used, name: '/p/inner.yaml' }));
  const sensitive = { type: 'string', sensitive: true } as never;
  return textsOf(tree, { inputs: { token: sensitive } }, inputs);
}

describe('the text of a playbook that nodes store', () => {
  test('is that of all playbooks that it uses, from which it is read again', async () => {
    const texts = await stored(outer(''), inner());
    assert.ok(texts !== undefined);
    const tree = await readTexts(texts);
    assert.deepEqual(
      [tree.name, [...tree.used.values()].map(({ source }) => source.name)],
      ['/p/outer.yaml', ['inner']],
    );
    const without = { ...texts, used: {} };
    assert.equal(await codeOfAsync(() => readTexts(without)), 'bad-playbook');
    const top = {
      name: 'top',
      text: outer('').replace('./inner.yaml', './outer.yaml'),
      used: { './outer.yaml': texts },
    };
    const [middle] = [...(await readTexts(top)).used.values()];
    assert.equal([...(middle?.used.values() ?? [])][0]?.source.name, 'inner');
    const odd = { name: 'odd', text: outer('').replace('./inner.yaml', 'constructor'), used: {} };
    await assert.rejects(readTexts(odd), { message: /the journal has no playbook “constructor”/ });
  });

  test('is not stored if it has, or may have, a secret', async () => {
    const secret = 'token: {sensitive: true, default: hunter2}';
    const open = 'token: {sensitive: true}';
    for (const [what, text, used, inputs, isStored] of [
      ['no secret', outer(open), inner(open), {}, true],
      ['a default of a sensitive input', outer(secret), inner(), {}, false],
      ['a default of a playbook that it uses', outer(''), inner(secret), {}, false],
      ['a value that is given', outer(open, '# hunter2\n'), inner(), { token: 'hunter2' }, false],
      ['a value in a playbook that it uses', outer(open), `${inner()}# hunter2\n`, { token: 'hunter2' }, false],
      ['a value that is quoted in the text', outer(open, '# a"b\n'), inner(), { token: 'a"b' }, false],
      ['a value that is a number', outer(open, '# 4711\n'), inner(), { token: 4711 }, false],
      ['a value that is elsewhere', outer(open), inner(), { token: 'hunter2' }, true],
      ['an empty value', outer(open), inner(), { token: '' }, true],
      ['an omitted value', outer(open, '# null\n'), inner(), { token: null }, true],
      ['an undefined value', outer(open), inner(), { token: undefined }, true],
      ['a part of a value', outer(open, '# unter2 hunter\n'), inner(), { token: 'hunter2' }, true],
      ['a part of a number', outer(open, '# 71\n'), inner(), { token: 4711 }, true],
      ['a value that is not sensitive', outer('who: {}', '# hunter2\n'), inner(), { who: 'hunter2' }, true],
      ['a default that is not sensitive', outer('who: {default: you}'), inner('who: {}'), {}, true],
      ['no inputs', outer('').replace('inputs: {}\n', ''), inner(), {}, true],
    ] as const) {
      assert.equal((await stored(text, used, inputs)) !== undefined, isStored, what);
    }
  });

  test('is not stored if it is longer than 200 KiB in all', async () => {
    const pad = (bytes: number) => `# ${'x'.repeat(bytes)}\n`;
    assert.ok((await stored(outer('', pad(150 * 1024)), inner())) !== undefined);
    assert.equal(await stored(outer('', pad(150 * 1024)), `${inner()}${pad(60 * 1024)}`), undefined);
    const left = 200 * 1024 - Buffer.byteLength(JSON.stringify(await stored(outer('', pad(0)), inner())));
    assert.ok((await stored(outer('', pad(left)), inner())) !== undefined);
    assert.equal(await stored(outer('', pad(left + 1)), inner()), undefined);
  });
});
