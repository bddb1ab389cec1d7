import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { decisionsIndex } from '../../../build/docs/decisions-index.ts';

const repository = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(repository, file), 'utf8');
const pages = readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`);

/** Files that a folder may hold directly; more than that, and nobody finds anything in it. */
const mostFiles = 15;

function foldersBelow(folder: string): string[] {
  const inner = readdirSync(join(repository, folder), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...inner.flatMap(({ name }) => foldersBelow(`${folder}/${name}`))];
}

test(`no folder of the source or of the tests contains more than ${mostFiles} files directly`, () => {
  const crowded = ['src', 'test'].flatMap(foldersBelow).filter((folder) => {
    return (
      readdirSync(join(repository, folder), { withFileTypes: true }).filter((one) => one.isFile()).length > mostFiles
    );
  });
  assert.deepEqual(crowded, []);
});

describe('the map of the code', () => {
  const text = read('docs/architecture.md');

  test('names every folder of each part', () => {
    const unnamed = ['core', 'transport', 'discovery', 'ca', 'playbook', 'daemon', 'client'].flatMap((part) => {
      const section = new RegExp(`^### ${part}\\n([^]*?)^##`, 'm').exec(text)?.[1] ?? '';
      const folders = readdirSync(join(repository, 'src', part), { withFileTypes: true });
      return folders.flatMap((one) =>
        one.isDirectory() && !section.includes(`\`${one.name}/\``) ? [`${part}/${one.name}`] : [],
      );
    });
    assert.deepEqual(unnamed, []);
  });
});

test('the index of decisions matches the records (npm run docs writes it), and no number is used twice', () => {
  assert.equal(read('docs/decisions/README.md'), decisionsIndex());
  const numbers = readdirSync(join(repository, 'docs/decisions')).flatMap((file) => /^\d{4}/.exec(file)?.[0] ?? []);
  assert.deepEqual(
    numbers.filter((number, index) => numbers.indexOf(number) !== index),
    [],
  );
});

test('each decision has a context, a decision and its consequences', () => {
  const records = pages.filter((page) => /^docs\/decisions\/\d/.test(page));
  assert.ok(records.length > 50, String(records.length));
  const incomplete = records.filter((page) =>
    ['Context', 'Decision', 'Consequences'].some((part) => !new RegExp(`^(?:\\*\\*|## )${part}`, 'm').test(read(page))),
  );
  assert.deepEqual(incomplete, []);
});

/** History names files of its time. */
const history = ['docs/performance-history.md', 'CHANGELOG.md'];

test('pages name only files and folders of the project that exist', () => {
  const part =
    'core|transport|discovery|ca|agents|playbook|puppet|daemon|library|client|unit|contract|protocol|process|lab';
  const path = new RegExp(`\`((?:src|test|build|docs|playbooks|examples)/[\\w./-]+|(?:${part})/[\\w./-]+\\.ts)\``, 'g');
  const places = ['', 'src', 'test'].map((folder) => join(repository, folder));
  const named = [...pages, 'README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'test/README.md']
    .filter((page) => !history.includes(page))
    .flatMap((page) => [...read(page).matchAll(path)].map(([, file = '']) => ({ page, file })));
  assert.ok(named.length > 300, String(named.length));
  // What a build makes is not there before it, and NAME stands for any.
  const isThere = (file: string) =>
    /^build\/(out|release)\b|\/NAME\//.test(file) || places.some((place) => existsSync(join(place, file)));
  assert.deepEqual(
    named.filter(({ file }) => !isThere(file)).map(({ page, file }) => `${page}: ${file}`),
    [],
  );
});

test('links between pages lead to existing files', () => {
  const broken = [...pages, 'README.md', 'CONTRIBUTING.md'].flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/.test(target)) return [];
      const file = join(dirname(page), target);
      return existsSync(join(repository, file)) ? [] : [`${page}: ${relative(repository, join(repository, file))}`];
    }),
  );
  assert.deepEqual(broken, []);
});

test('docs/commands.md has one row for each command', () => {
  const text = readFileSync(join(repository, 'docs/commands.md'), 'utf8');
  const commands = [...text.matchAll(/^\| `([^`]+)`.*$/gm)].map(([, command]) => command);
  const twice = commands.filter((command, index) => commands.indexOf(command) !== index);
  assert.deepEqual(twice, []);
});
