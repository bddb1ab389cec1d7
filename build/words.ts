// Checks the language of the program, its comments, its tests and its documentation: words that are not plain English
// (docs/glossary.md says which ones to use), and lines in docs that are too wide. `npm run lint` runs it. With --count it
// prints totals only.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commentsIn, proseOf, type TextAt, textsIn } from './texts.ts';

const repository = join(import.meta.dirname, '..');
const widest = 100;

/** A word that nobody should read, and what to write instead. */
const forbidden: readonly (readonly [RegExp, string])[] = [
  [/\b(?:tells?|told|telling)\b/i, 'print, report, return, show, receive'],
  [/\banew\b/i, 'again'],
  [/\b(?:whom|whoever|whomever|whosoever)\b/i, 'who, anyone, the caller, …'],
  [
    /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more than\b|less than\b|one\b)\w+/i,
    '“is not a valid …”, “is not …”',
  ],
  [/\b(?:go|goes|going|went|gone) on with\b/i, 'resume, continue'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix, correct'],
  [/\bis there twice\b/i, 'occurs twice'],
  [/\bin each other\b/i, 'nested'],
  [/\b(?:by|in) turns\b/i, 'alternately, alternating with'],
  [/\bin vain\b/i, 'without success'],
  [/\bfor ever\b/i, 'forever'],
  [/\bsignatures?\b[^.;:,]*\bdo(?:es)? not hold\b/i, 'is not valid'],
  [/\bbrings? (?:\w+ ){1,3}to (?:a|another|its|the) (?:\w+ )?(?:version|revision)\b/i, 'install, deploy'],
  [/\b(?:lest|thereof|wherein|whence|hitherto|nay)\b/i, 'a modern word'],
];

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .sort();
}

function findWords(file: string, texts: readonly TextAt[], patterns = forbidden): Finding[] {
  // A text without a space is a name: a code, a key, an id.
  const sentences = texts.filter(({ text }) => text.trim().includes(' ') && !/^\s*- id: /.test(text));
  return sentences.flatMap(({ line, text }) =>
    patterns.flatMap(([pattern, instead]) => {
      const found = pattern.exec(withoutCode(text))?.[0];
      return found === undefined ? [] : [{ file, line, what: `“${found}”: write ${instead}` }];
    }),
  );
}

/** Finds the words also where a line break is between them. */
function findInProse(file: string, lines: readonly TextAt[]): Finding[] {
  const joints = lines.slice(1).flatMap((next, index) => {
    const { line, text } = lines[index] as TextAt;
    const end = text.trim().split(' ').slice(-4);
    return next.line === line + 1
      ? [{ line, text: [...end, ...next.text.trim().split(' ').slice(0, 2)].join(' ') }]
      : [];
  });
  const ofSeveralWords = forbidden.filter(([{ source }]) => source.includes(' '));
  const found = findWords(file, lines);
  const across = findWords(file, joints, ofSeveralWords);
  return [...found, ...across.filter(({ line }) => !found.some((one) => one.line === line))];
}

const withoutCode = (text: string) => text.replaceAll(/`[^`]*`/g, '`');

/** Tables, links and code may be as wide as they must. */
function findWide(file: string, prose: readonly TextAt[]): Finding[] {
  return prose
    .filter(({ text }) => text.length > widest && !text.startsWith('|') && text.trim().includes(' '))
    .map(({ line, text }) => ({ file, line, what: `${text.length} columns; break the line at ${widest}` }));
}

/** Comments, and in tests also titles and messages. A text of several lines in a test is a file that the test writes. */
function findInSource(file: string): Finding[] {
  const source = read(file);
  const isTest = file.startsWith('test/');
  const texts = textsIn(source).filter(({ text }) => !isTest || !text.includes('\n'));
  const checked = file === 'test/unit/build/texts.test.ts' ? [] : texts;
  return [...findWords(file, checked), ...findInProse(file, commentsIn(source))];
}

const read = (file: string) => readFileSync(join(repository, file), 'utf8');
// An entry of the changelog is one line.
const anyWidth = ['docs/agents/', 'docs/errors.md', 'CHANGELOG.md', 'certs/README.md'];
const pages = [
  ...filesBelow('docs', '.md'),
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'certs/README.md',
  'CHANGELOG.md',
  'test/README.md',
].filter(
  // The glossary names these words to say what to write instead.
  (file) => file !== 'docs/glossary.md' && existsSync(join(repository, file)),
);
const findings = [
  ...['src', 'build', 'test'].flatMap((folder) => filesBelow(folder, '.ts')).flatMap(findInSource),
  ...filesBelow('playbooks', '.yaml').flatMap((file) => findWords(file, proseOf(read(file)))),
  ...pages.flatMap((file) => findInProse(file, proseOf(read(file)))),
  ...[...pages, 'docs/glossary.md']
    .filter((file) => !anyWidth.some((name) => file.startsWith(name)))
    .flatMap((file) => findWide(file, proseOf(read(file)))),
];

if (process.argv.includes('--count')) {
  const counts = Map.groupBy(findings, ({ file }) => file);
  for (const [file, list] of counts) process.stdout.write(`${list.length} ${file}\n`);
} else {
  for (const { file, line, what } of findings) process.stdout.write(`${file}:${line}: ${what}\n`);
}
if (findings.length > 0) {
  process.stdout.write(`${findings.length} findings; docs/glossary.md lists the words to use\n`);
  process.exitCode = 1;
}
