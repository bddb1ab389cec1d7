import { Problem } from '../errors.ts';
import type { Expression } from '../filter/expression.ts';
import { parseFact } from '../filter/fact-term.ts';
import { parseNameTest } from '../filter/name.ts';
import { boundedCompiler } from '../filter/pattern.ts';
import { compileAt } from '../filter/range.ts';
import { parseSelect } from '../filter/select.ts';
import { type Token, tokenize } from '../filter/tokens.ts';
import { suggest } from '../text.ts';
import { foreignCallerHint } from './foreign.ts';
import { isCallerId, isGroupName } from './groups.ts';
import { faultIn, type Line } from './lines.ts';
import type { Callers, Groups } from './policy.ts';

const actionSyntax = /^[A-Za-z]\w{0,63}$/;

/** `*`, or caller ids, /regexes/ and names of groups. */
export function parseCallers(column: string, groups: Groups, line: Line): Callers | '*' {
  if (column === '*') return '*';
  const compile = boundedCompiler();
  const ids = new Set<string>();
  const patterns = wordsOf(column, 'CALLERS', line).flatMap((token) => {
    const word = column.slice(token.start, token.end);
    if (word.startsWith('/')) {
      if (word.length < 2 || !word.endsWith('/'))
        throw faultIn(line, `the regex “${shown(word)}” has no closing slash`);
      const inner = { text: column, start: token.start + 1, end: token.end - 1 };
      return [within(line, 'CALLERS', () => compileAt(inner, compile))];
    }
    for (const id of idsFor(word, groups, line)) ids.add(id);
    return [];
  });
  return { ids, patterns };
}

function idsFor(word: string, groups: Groups, line: Line): readonly string[] {
  if (isCallerId(word)) return [word];
  if (!isGroupName(word))
    throw faultIn(
      line,
      `“${shown(word)}” is not a valid caller`,
      foreignCallerHint(word) ?? 'write cert=NAME, node=NAME, a group or /REGEX/',
    );
  const members = groups.get(word);
  if (members === undefined) throw faultIn(line, `there is no group “${shown(word)}”`, suggest(word, groups.keys()));
  return members;
}

/** `*`, or names of actions. */
export function parseActions(column: string, line: Line): ReadonlySet<string> | '*' {
  if (column === '*') return '*';
  const actions = column.split(/ +/);
  const wrong = actions.find((action) => !actionSyntax.test(action));
  if (wrong !== undefined)
    throw faultIn(line, `“${shown(wrong)}” is not a valid action name`, 'separate them by spaces');
  return new Set(actions);
}

/** `*`, tests of facts separated by spaces, or a compound expression, which may name classes too. */
export function parseFacts(column: string, line: Line): Expression[] {
  if (column === '*') return [];
  const [, data] = /\b([a-z_]\w*)\([^()]*\)\.\w+/i.exec(column) ?? [];
  if (data !== undefined)
    throw faultIn(
      line,
      `FACTS has the data function ${data}(), and policies have none`,
      'write what it finds as a fact',
    );
  return within(line, 'FACTS', () => {
    const compile = boundedCompiler();
    const tokens = tokenize(column);
    if (tokens.some(({ kind }) => kind !== 'operand')) return [parseSelect(column, compile)];
    return tokens.map((token) => parseFact(token, compile, true));
  });
}

/** `*`, or classes and /regexes/ for classes: the node must have all of them. */
export function parseClasses(column: string, line: Line): Expression[] {
  if (column === '*') return [];
  const compile = boundedCompiler();
  return wordsOf(column, 'CLASSES', line).map((token) =>
    within(line, 'CLASSES', () => parseNameTest(token, 'class', compile)),
  );
}

/** The words of a column without `and`, `or`, `not` or parentheses. */
function wordsOf(column: string, name: string, line: Line): Token[] {
  const tokens = within(line, name, () => tokenize(column));
  const wrong = tokens.find(({ kind }) => kind !== 'operand');
  if (wrong === undefined) return tokens;
  const word = column.slice(wrong.start, wrong.end);
  const what = `the column ${name} has a compound expression (“${word}”), and takes only names`;
  throw faultIn(line, what, 'write it in the column FACTS');
}

/** Adds the file and the line to a filter's fault. */
function within<T>(line: Line, column: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof Problem) || cause.code !== 'bad-filter') throw cause;
    throw faultIn(line, `${column}: ${cause.message}`, cause.hint, { cause });
  }
}

function shown(word: string): string {
  return word.length > 60 ? `${word.slice(0, 60)}…` : word;
}
