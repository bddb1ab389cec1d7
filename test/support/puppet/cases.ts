import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dirname, '../../fixtures/puppet');

/** A script and what must come of it, as the fixtures have them. */
export interface ScriptCase {
  readonly name: string;
  /** Whether it differs from Puppet, on purpose. */
  readonly ours: boolean;
  readonly script: string;
  /** `>> …`: what notice() says; one may hold several lines. */
  readonly notices: readonly string[];
  /** `=> Type[title]`: what is run, in that order. */
  readonly run: readonly string[];
  /** `!! line:column sentence`. */
  readonly error: { readonly line: number; readonly column: number; readonly sentence: string } | undefined;
}

/** The cases of one file. */
export function readCases(file: string): ScriptCase[] {
  const text = readFileSync(join(directory, file), 'utf8');
  return text
    .split(/^== /m)
    .slice(1)
    .map((block) => {
      const [title = '', ...lines] = block.replace(/\n$/, '').split('\n');
      const first = lines.findIndex((line) => /^(>>|=>|!!) ?/.test(line));
      const script = lines.slice(0, first < 0 ? lines.length : first).join('\n');
      const expected = first < 0 ? [] : lines.slice(first);
      return {
        name: title.replace('[ours] ', ''),
        ours: title.startsWith('[ours] '),
        script,
        notices: marked(expected, '>>'),
        run: marked(expected, '=>'),
        error: errorIn(expected),
      };
    });
}

export function caseFiles(): string[] {
  return globSync('*.txt', { cwd: directory }).sort();
}

/** The text after a mark, with the lines below it that have none. */
function marked(lines: readonly string[], mark: string): string[] {
  const found: string[] = [];
  let open = false;
  for (const line of lines) {
    const begins = /^(>>|=>|!!)/.exec(line)?.[1];
    if (begins === mark) found.push(line.slice(3));
    else if (begins === undefined && open) found.push(`${found.pop()}\n${line}`);
    open = begins === undefined ? open : begins === mark;
  }
  return found;
}

function errorIn(lines: readonly string[]): ScriptCase['error'] {
  const [, line, column, sentence] = /^!! (\d+):(\d+) (.*)$/m.exec(lines.join('\n')) ?? [];
  return sentence === undefined ? undefined : { line: Number(line), column: Number(column), sentence };
}
