import { translateSelect } from './select.ts';
import { methodHabits, type OptionHabit, optionHabits } from './table.ts';

/** The command line so far, in this program's words. */
export interface TranslatedOptions {
  readonly words: readonly string[];
  readonly answer?: string;
}

/**
 * Unknown options, translated to known ones.
 * @param known the options of the command, such as `-v` and `--verbose`
 */
export function translateOptions(
  command: string,
  words: readonly string[],
  known: () => ReadonlyMap<string, boolean>,
): TranslatedOptions {
  const out: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') return finish([...out, ...words.slice(at)]);
    const [flag, inline] = splitOption(word);
    const habit = known().has(flag) ? undefined : habitOf(flag);
    if (habit === undefined) out.push(word);
    else if ('drop' in habit) continue;
    else if (!isOfUse(habit, command, known())) out.push(word);
    else if ('answer' in habit) return { words: out, answer: `${flag}: ${habit.answer}` };
    else out.push(ownOption(habit, inline));
  }
  return finish(out);
}

/** Whether the command has the option that the habit leads to. */
function isOfUse(
  habit: Exclude<OptionHabit, { drop: true }>,
  command: string,
  known: ReadonlyMap<string, boolean>,
): boolean {
  if ('answer' in habit) return habit.needs === undefined || known.has(habit.needs);
  return (habit.of?.includes(command) ?? true) && known.has(habit.as.replace(/=.*/s, ''));
}

/**
 * `--color` in this program's words: colours are needed before a command, and what else it has, are known.
 * @param words of the options
 */
export function translateColor(words: readonly string[]): readonly string[] {
  return words.map((word) => {
    const [flag, inline] = splitOption(word);
    const habit = habitOf(flag);
    return habit !== undefined && 'as' in habit && /^--color\b/.test(habit.as) ? ownOption(habit, inline) : word;
  });
}

function habitOf(flag: string): OptionHabit | undefined {
  return Object.hasOwn(optionHabits, flag) ? optionHabits[flag] : undefined;
}

function ownOption({ as }: { readonly as: string }, value: string | undefined): string {
  return value === undefined ? as : `${as}=${value}`;
}

function splitOption(word: string): readonly [flag: string, value?: string] {
  const cut = word.startsWith('--') ? word.indexOf('=') : -1;
  return cut === -1 ? [word] : [word.slice(0, cut), word.slice(cut + 1)];
}

/** The names of option values in this program. */
function finish(words: readonly string[]): TranslatedOptions {
  const out = [...words];
  const placeOfValue = (...flags: string[]) => out.findIndex((word) => flags.includes(word)) + 1;
  const method = placeOfValue('--dm');
  const typed = method > 0 ? out[method] : undefined;
  if (typed !== undefined && Object.hasOwn(methodHabits, typed)) out[method] = methodHabits[typed] as string;
  const option = placeOfValue('--do');
  if (typed === 'flatfile' && option > 0 && !out[option]?.includes('=')) {
    // The method and its file become only the file.
    const file = out[option] as string;
    const rest = out.filter((_, at) => ![method - 1, method, option - 1, option].includes(at));
    out.splice(0, out.length, ...rest, '--nodes', file);
  }
  const select = placeOfValue('-S', '--select');
  if (select === 0 || out[select] === undefined) return { words: out };
  const translated = translateSelect(out[select]);
  if ('answer' in translated) return { words: out, answer: translated.answer };
  out[select] = translated.select;
  return { words: out };
}
