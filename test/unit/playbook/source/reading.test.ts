import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { parseDocumentText } from '../../../../src/core/files/yaml/document.ts';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import { digestPlaybook } from '../../../../src/playbook/source/digest.ts';
import { keyLocationOf, locationOf } from '../../../../src/playbook/source/locations.ts';
import { readText } from '../../../../src/playbook/source/read-text.ts';
import { type PlaybookText, readBeside, readPlaybookFile, readTree } from '../../../../src/playbook/source/reading.ts';
import { everySource } from '../../../../src/playbook/source/walking.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const megabyte = 1024 * 1024;

/** Reads playbooks from a table instead of the disk, and notes which. */
function readFrom(texts: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const read = async (name: string): Promise<PlaybookText> => {
    asked.push(name);
    const text = texts[name];
    if (text === undefined) throw new Problem('unreadable-file', `there is no ${name}`, 'a hint');
    return { text, name };
  };
  return { read, asked, tree: async () => await readTree(await read('main'), read) };
}

const using = (...names: readonly string[]) => `name: x\nsteps:\n${names.map((name) => `  - use: ${name}\n`).join('')}`;
const plain = 'name: x\nsteps:\n  - say: hello\n';

describe('the playbooks that a playbook uses', () => {
  test('are read once each, wherever their steps are', async () => {
    const main = `name: x
steps:
  - for_each: { in: [1], steps: [{ use: a }], on_failure: [{ use: b }] }
  - use: a
on_failure:
  - rolling: { over: web, steps: [{ use: c }] }
always:
  - use: d
`;
    const { tree, asked } = readFrom({ main, a: plain, b: plain, c: plain, d: using('a') });
    const { used, name, source, text } = await tree();
    assert.deepEqual([...used.keys()], ['a', 'b', 'c', 'd']);
    assert.deepEqual([...(used.get('d')?.used.keys() ?? [])], ['a']);
    assert.deepEqual(asked, ['main', 'a', 'b', 'c', 'd', 'a']);
    assert.deepEqual([name, source.name, text.text], ['main', 'x', main]);
    assert.deepEqual(
      [...everySource(source)].flatMap(({ step, path }) => (step.use === undefined ? [] : [path.join('.')])),
      [
        'steps.0.for_each.steps.0',
        'steps.0.for_each.on_failure.0',
        'steps.1',
        'on_failure.0.rolling.steps.0',
        'always.0',
      ],
    );
  });

  test('cannot use each other in a circle, and are five levels deep at most', async () => {
    const bad = (message: RegExp) => ({ code: 'bad-playbook', message });
    const circle = readFrom({ main: using('a'), a: using('b'), b: using('a') });
    await assert.rejects(circle.tree(), bad(/^b:3:10: the playbooks use each other in a circle: main → a → b → a$/));
    await assert.rejects(readFrom({ main: using('main') }).tree(), bad(/main → main$/));
    const levels = { main: using('a'), a: using('b'), b: using('c'), c: using('d'), d: plain };
    assert.equal((await readFrom(levels).tree()).used.size, 1);
    const deep = readFrom({ ...levels, d: using('e'), e: plain });
    await assert.rejects(deep.tree(), bad(/^d:3:10: playbooks use playbooks deeper than 5 levels$/));
  });

  test('are fifty at most', async () => {
    const names = Array.from({ length: 51 }, (_, at) => `p${at}`);
    const texts = Object.fromEntries(names.map((name) => [name, plain]));
    const { tree, asked } = readFrom({ ...texts, main: using(...names) });
    await assert.rejects(tree(), { code: 'bad-playbook', message: /^main:53:10: more than 50 playbooks are used$/ });
    assert.deepEqual(asked, ['main', ...names]);
  });

  test('are looked for beside the one that names them; what is not there is reported where it is named', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'shared'));
    writeFileSync(join(directory, 'main.yaml'), using('shared/a.yaml'));
    writeFileSync(join(directory, 'shared/a.yaml'), using('b.yaml'));
    writeFileSync(join(directory, 'shared/b.yaml'), plain);
    const [main, b] = [join(directory, 'main.yaml'), join(directory, 'shared/b.yaml')];
    const { used } = await readTree(await readPlaybookFile(main), readBeside);
    assert.equal(used.get('shared/a.yaml')?.used.get('b.yaml')?.name, b);
    writeFileSync(main, using('none.yaml'));
    const message = new RegExp(`^${main}:3:10: the playbook .*/none\\.yaml cannot be read: no such file`);
    await assert.rejects(readTree(await readPlaybookFile(main), readBeside), { code: 'bad-playbook', message });
    const failing = () => Promise.reject(new TypeError('a bug'));
    await assert.rejects(readTree({ text: using('a'), name: 'main' }, failing), TypeError, 'no message for a person');
  });

  test('are files of a megabyte at most', async () => {
    const file = join(temporaryDirectory(), 'large.yaml');
    const long = `${plain}#${'x'.repeat(megabyte - plain.length - 1)}`;
    writeFileSync(file, long);
    assert.deepEqual(await readPlaybookFile(file), { text: long, name: file });
    writeFileSync(file, `${long}x`);
    await assert.rejects(readPlaybookFile(file), { code: 'bad-playbook', message: /larger than 1048576 bytes/ });
    await assert.rejects(readPlaybookFile(`${file}.no`), { code: 'unreadable-file', message: /no such file/ });
    assert.deepEqual([await readText(file, megabyte), await readText('/dev/zero', 10)], [undefined, undefined]);
  });

  test('are not files of another tool: the error names it and the page about it', async () => {
    const kamal = readFrom({ main: 'service: shop\nimage: a/b\n' });
    await assert.rejects(kamal.tree(), {
      code: 'bad-playbook',
      message: 'main is a Kamal deploy.yml, not a playbook of mco-deploy',
      hint: 'docs/from/kamal.md shows how to write it here',
    });
    await assert.rejects(readFrom({ main: 'name: x\n' }).tree(), { message: /^main:.*steps/ });
  });
});

describe('the digest of a playbook', () => {
  test('changes with its content and that of the playbooks that it uses, and with no comment', async () => {
    const digestOf = async (texts: Readonly<Record<string, string>>) => {
      const { read } = readFrom(texts);
      return digestPlaybook(await loadPlaybook(await read('main'), [], read));
    };
    const round = (used: string) => `name: x\nsteps:\n  - for_each: { in: [1], steps: [{ use: ${used} }] }\n`;
    const [main, deep] = [round('a'), 'name: y\nsteps:\n  - say: deep\n'];
    const before = await digestOf({ main, a: using('b'), b: deep });
    assert.equal(await digestOf({ main: `# a comment\n${main}`, a: using('b'), b: `\n\n${deep}` }), before);
    assert.notEqual(await digestOf({ main, a: using('b'), b: deep.replace('deep', 'deeper') }), before);
    assert.notEqual(await digestOf({ main: main.replace('name: x', 'name: z'), a: using('b'), b: deep }), before);
    assert.match(before, /^[0-9a-f]{64}$/);
  });
});

describe('the position of a value in its file', () => {
  /** A document with one text under the key `a`, and the place of an offset in that text. */
  const placeIn = (yaml: string, word: string) => {
    const { value, locate } = parseDocumentText<{ a: string }>(yaml, 'x.yaml', 'playbook', 'test-of-places', {});
    return locationOf({ text: yaml, locate }, ['a'], value.a).where(value.a.indexOf(word));
  };

  test('is followed within the text, quoted or not, folded or escaped', () => {
    for (const [yaml, word, place] of [
      ['a: one two\n', 'one', '1:4'],
      ['a: one two\n', 'two', '1:8'],
      ['b: two\na: "one two"\n', 'two', '2:9'],
      ["\n\na: 'one two'\n", 'two', '3:9'],
      ['b: 1\na: >\n  one\n  two\n', 'two', '4:3'],
      ['a: "o\\x6ee two"\n', 'two', '1:12'],
      ['a: >\n  two-one\n  two three two\n', 'three', '3:7'],
    ] as const) {
      assert.equal(placeIn(yaml, word), `x.yaml:${place}`, JSON.stringify([yaml, word]));
    }
  });

  test('counts words that are there before, where the text is folded', () => {
    const yaml = 'a: >\n  if x\n  if y\n';
    const { value, locate } = parseDocumentText<{ a: string }>(yaml, 'x.yaml', 'playbook', 'test-of-places', {});
    const { where } = locationOf({ text: yaml, locate }, ['a'], value.a);
    assert.deepEqual([where(5), where(0)], ['x.yaml:3:3', 'x.yaml:1:4']);
    assert.equal(where(4), 'x.yaml:1:4', 'a space cannot be looked for');
  });

  test('is in each problem about the value or its key, and in no other error', () => {
    const source = { text: 'a: b\n', locate: (_: readonly string[], key = false) => `x.yaml:${key ? 'key' : 'value'}` };
    for (const [location, place] of [
      [locationOf(source, ['a'], 'b'), 'x.yaml:value'],
      [keyLocationOf(source, ['a']), 'x.yaml:key'],
    ] as const) {
      const wrong = { code: 'bad-playbook', message: `${place}: it is wrong` };
      assert.equal(location.where(), place);
      assert.throws(() => location.fail('it is wrong'), wrong);
      assert.throws(
        () =>
          location.check(() => {
            throw new Problem('bad-filter', 'it is', 'x');
          }),
        {
          code: 'bad-playbook',
          message: `${place}: it is: x`,
        },
      );
      assert.throws(
        () =>
          location.check(() => {
            throw new TypeError('a bug');
          }),
        TypeError,
      );
      assert.doesNotThrow(() => location.check(() => {}));
    }
  });
});
