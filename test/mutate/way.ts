import { parseArgs } from 'node:util';
import type { Result } from './results.ts';

/** How a folder is run. */
export interface Way {
  /** Folders of test/, separated by commas. */
  readonly parts: string;
  /** Test files for one mutant. */
  readonly most: number;
  /** Milliseconds that a test file may work. */
  readonly slowest: number;
  /** One of this many mutants is run. */
  readonly sample: number;
}

const options = { parts: { type: 'string' }, most: { type: 'string' }, slowest: { type: 'string' } } as const;
type Given = { readonly [Option in keyof typeof options | 'sample']?: string | undefined };

/** What rows that name no options were run with. */
const usual = { parts: 'unit', most: '5', slowest: '8' };

/** The way that the options of a command ask for; what they leave open is as it was recorded, if there is a result. */
export function wayOf(given: Given, recorded: Pick<Result, 'every' | 'options'> | undefined): Way {
  const before = parseArgs({ args: (recorded?.options ?? '').split(' ').filter((word) => word !== ''), options });
  const { parts, most, slowest } = { ...usual, ...before.values };
  return {
    parts: given.parts ?? parts,
    most: Number(given.most ?? most),
    slowest: 1000 * Number(given.slowest ?? slowest),
    sample: Number(given.sample ?? recorded?.every ?? 1),
  };
}

/** The options that make a later run the same, but for its sample; empty for the usual ones. */
export function describeWay({ parts, most, slowest }: Way): string {
  const words = [];
  if (parts !== usual.parts) words.push(`--parts ${parts}`);
  if (String(most) !== usual.most) words.push(`--most ${most}`);
  if (String(slowest / 1000) !== usual.slowest) words.push(`--slowest ${slowest / 1000}`);
  return words.join(' ');
}
