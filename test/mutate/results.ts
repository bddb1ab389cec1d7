import { readFileSync, writeFileSync } from 'node:fs';
import type { Mutant } from './mutants.ts';

/** The result of a folder. */
export interface Result {
  readonly folder: string;
  /** One of this many mutants was run: 1 if all were. */
  readonly every: number;
  readonly mutants: number;
  readonly killed: number;
  /** Survivors that change nothing that could be observed, as the page says. */
  readonly equivalent: number;
  /** How it was run, such as "--parts unit,protocol --most 8"; empty for the options of rows that name none. */
  readonly options: string;
}

/** Percent, rounded down: of the mutants that are not equivalent, how many a test noticed. */
export function scoreOf({ mutants, killed, equivalent }: Pick<Result, 'mutants' | 'killed' | 'equivalent'>): number {
  return mutants === equivalent ? 100 : Math.floor((100 * killed) / (mutants - equivalent));
}

function sampleOf(every: number): string {
  return every === 1 ? '' : ` (1 in ${every})`;
}

/** The page docs/testing.md, with a table of results and one of equivalent mutants. */
export function openResults(page: string) {
  const rows = () =>
    readFileSync(page, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
  const cells = (row: string) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|'));
  return {
    /** Whether the page lists it, with a reason. */
    isEquivalent: (file: string, { before, after }: Pick<Mutant, 'before' | 'after'>): boolean =>
      rows().some((row) => {
        const [where, was, becomes, reason = ''] = cells(row);
        return where === `\`${file}\`` && was === `\`${before}\`` && becomes === `\`${after}\`` && reason !== '';
      }),
    /** What was recorded for a folder: its score, and how it was run. */
    recorded: (folder: string): (Pick<Result, 'every' | 'options'> & { readonly score: number }) | undefined => {
      const row = rows()
        .map(cells)
        .find(([name, mutants = '']) => name === `\`${folder}\`` && /^\d+/.test(mutants));
      if (row === undefined) return undefined;
      const [, mutants = '', , , score = '', options = ''] = row;
      const every = Number(/ \(1 in (\d+)\)$/.exec(mutants)?.[1] ?? 1);
      return { every, options: options.replaceAll('`', ''), score: Number.parseInt(score, 10) };
    },
    /** The folders with a result. */
    folders: (): string[] =>
      rows()
        .map(cells)
        .filter(([, mutants = '']) => /^\d+/.test(mutants))
        .map(([name = '']) => name.slice(1, -1)),
    record: (result: Result): void => {
      const { folder, every, mutants, killed, equivalent, options } = result;
      const how = options === '' ? '' : ` \`${options}\` |`;
      const line = `| \`${folder}\` | ${mutants}${sampleOf(every)} | ${killed} | ${equivalent} | ${scoreOf(result)} % |${how}`;
      const lines = readFileSync(page, 'utf8').split('\n');
      const table = lines.findIndex((one) => one.startsWith('| Folder '));
      const end = lines.findIndex((one, index) => index > table && !one.startsWith('|'));
      const kept = lines
        .slice(table + 2, end)
        .filter((one) => !`${cells(one)[0]?.slice(1, -1)}/`.startsWith(`${folder}/`));
      const all = [...lines.slice(0, table + 2), ...[...kept, line].sort(), ...lines.slice(end)];
      writeFileSync(page, all.join('\n'));
    },
  };
}
