import type { Command } from 'commander';
import { shellWord } from '../shell-word.ts';
import { pathOf } from './command-path.ts';
import { type TypedWord, typedWords } from './typed-words.ts';

const name = /^[\w-]+(\.[\w-]+)*$/;
const operator = /^(=~|==?|!=|<=?|>=?)/;
const test = /^[\w.-]+(=|!=|<|>)./;
const filterOptions = ['--wf', '--with-fact'];
const testWithoutValue = /^[\w.-]+(=~|==?|!=|<=?|>=?)$/;

/**
 * The command line with its filters as options, where a person typed them as arguments: `facts os cluster=bravo`,
 * `ping -F cluster = bravo`, `ping dev1`. Empty where one of the arguments can be no filter, or the line has `--` or
 * several options in one word: which word belongs to which is not certain then.
 */
export function filtersFromArguments(command: Command): string {
  if (!command.options.some(({ long }) => long === '--wf')) return '';
  const own = command.registeredArguments.length;
  const typed = typedWords(command);
  if (typed.some(({ kind, text }) => kind === 'option' && /^(--|-[^-]..*)$/.test(text))) return '';
  const flags = new Set<string>();
  const line: string[] = [];
  let place = 0;
  for (const { kind, text } of joined(typed, own)) {
    if (kind === 'argument' && ++place > own) {
      const flag = flagFor(text);
      if (flag === undefined) return '';
      flags.add(flag);
      line.push(flag);
    }
    line.push(text);
  }
  const what = flags.size === 1 && flags.has('-I') ? 'to choose nodes by name' : 'to filter';
  return `${what}: mco-deploy ${[pathOf(command), ...line.map(shellWord)].join(' ')}`;
}

function flagFor(text: string): string | undefined {
  if (test.test(text)) return '-F';
  return name.test(text) || /^\/.+\/$/.test(text) ? '-I' : undefined;
}

/** `cluster = bravo` as one word, where it is a filter, or an argument beyond those that the command takes. */
function joined(words: readonly TypedWord[], own: number): TypedWord[] {
  const out: TypedWord[] = [];
  let place = 0;
  for (const word of words) {
    const before = out.at(-1);
    const isFilter = before?.kind === 'argument' ? place > own : filterOptions.includes(before?.option?.long ?? '');
    if (before !== undefined && isFilter && word.kind === 'argument' && continues(before.text, word.text)) {
      out.splice(-1, 1, { ...before, text: before.text + word.text });
      continue;
    }
    out.push(word);
    if (word.kind === 'argument') place++;
  }
  return out;
}

function continues(before: string, text: string): boolean {
  return testWithoutValue.test(before) || (name.test(before) && operator.test(text));
}
