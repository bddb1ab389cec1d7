/**
 * The output format of a command, from the words of its line: even from wrong ones, so that the error has that format,
 * too.
 */
import { type Command, Option } from 'commander';

/** The heading of the options that all commands have. */
export const everywhere = 'Everywhere:';

/** `-o` and `--color`, beside the `--json` of every command that has one. */
export function addOutputOptions(command: Command): void {
  const json = command.options.find(({ long }) => long === '--json');
  if (json === undefined) return;
  json.helpGroup(everywhere);
  command.addOption(
    new Option('-o, --output <format>', 'how to print; jsonl: an item a line')
      .choices(['table', 'wide', 'json', 'jsonl'])
      .helpGroup(everywhere),
  );
  command.addOption(
    new Option('--color <when>', 'whether to use colours')
      .choices(['auto', 'always', 'never'])
      .default('auto')
      .helpGroup(everywhere),
  );
}

/** The values of these options, for commands. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly output?: 'table' | 'wide' | 'json' | 'jsonl';
}

/** Makes `-o json` and `-o jsonl` count as `--json`. */
export function readOutput(command: Command): void {
  const { output } = command.opts<OutputOptions>();
  if (output === 'json' || output === 'jsonl') command.setOptionValue('json', true);
}

/** Whether a table is wanted, and whether it may be wider than the terminal. */
export function tableOf({ output }: { readonly output?: string | undefined }): 'table' | 'wide' | undefined {
  return output === 'table' || output === 'wide' ? output : undefined;
}

/** Whether the words ask for JSON. */
export function wantsJson(words: readonly string[]): boolean {
  return optionsIn(words).some((word) => word === '-j' || word === '--json') || /^jsonl?$/.test(outputIn(words));
}

export function wantsJsonLines(words: readonly string[]): boolean {
  return outputIn(words) === 'jsonl';
}

function outputIn(words: readonly string[]): string {
  return valueIn(words, '--output', '-o');
}

/** The value of `--name VALUE`, `--name=VALUE`, `-n VALUE` or `-nVALUE`; the last counts; empty if there is none. */
export function valueIn(words: readonly string[], long: string, short?: string): string {
  const options = optionsIn(words);
  const values = options.flatMap((word, index) => {
    if (word === long || word === short) return [options[index + 1] ?? ''];
    if (word.startsWith(`${long}=`)) return [word.slice(long.length + 1)];
    return short !== undefined && word.startsWith(short) && !word.startsWith('--') ? [word.slice(short.length)] : [];
  });
  return values.at(-1) ?? '';
}

/** The words before `--`. */
function optionsIn(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}

/** JSON texts as lines of one item each: the items of a list, or the single one. */
export function asJsonLines(out: (line: string) => void): (text: string) => void {
  return (text) => {
    if (text.trim() === '') return;
    const value: unknown = JSON.parse(text);
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) out(JSON.stringify(item));
  };
}
