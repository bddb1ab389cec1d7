/** Chooses the valid copy of a run's journal from those that nodes store. Pure. */
import type { Trust } from '../../../core/credentials/proof.ts';
import { explain, Problem } from '../../../core/errors.ts';
import type { JournalLine } from '../../../core/journal/line.ts';
import type { VerifiedJournal } from '../../../core/journal/verify.ts';
import { proveJournal } from './prove-journal.ts';
import { majorityOf } from '../../../library/runs/fleet/writer.ts';

/** The copy of one node. */
export interface JournalCopy {
  readonly node: string;
  readonly lines: readonly JournalLine[];
}

export interface ChosenCopy {
  readonly journal: VerifiedJournal;
  /** For a person: copies that were rejected, and why. */
  readonly warnings: readonly string[];
}

interface ProvenCopy {
  readonly node: string;
  readonly journal: VerifiedJournal;
}

/**
 * The longest copy with valid signatures and order. Shorter ones must be its beginning; otherwise the copy that a
 * majority of the run's holders stores counts.
 * @param copies of all nodes that could be read
 * @param lenient accept the available copies if too few of the holders could be read
 * @throws Problem `bad-journal` if no copy is valid, `newer-journal`, `journal-forked`, `journal-incomplete`
 */
export function chooseCopy(run: string, copies: readonly JournalCopy[], trust: Trust, lenient: boolean): ChosenCopy {
  const warnings: string[] = [];
  const proven = copies.flatMap(({ node, lines }): ProvenCopy[] => {
    try {
      return [{ node, journal: proveJournal(run, lines, trust) }];
    } catch (error) {
      if (error instanceof Problem && error.code === 'newer-journal') throw error;
      warnings.push(`the journal on ${node} is not accepted: ${explain(error)}`);
      return [];
    }
  });
  // Only those that the run itself names: another node can store anything.
  const own = proven.filter(({ node, journal }) => journal.stored.holders.includes(node));
  const [first] = own;
  if (first === undefined) {
    throw new Problem('bad-journal', [`no node has a valid journal of the run ${run}`, ...warnings].join('; '));
  }
  const { holders } = first.journal.stored;
  const needed = majorityOf(holders.length);
  const chosen = follow(own, needed, warnings);
  if (own.length < needed && !lenient) {
    const missing = holders.filter((node) => !own.some((one) => one.node === node)).join(', ');
    const what = `${own.length} of the ${holders.length} nodes that store the journal of the run could be read, and ${needed} are needed: ${missing} could not`;
    throw new Problem(
      'journal-incomplete',
      [what, ...warnings].join('; '),
      'use the copies that there are with --force',
    );
  }
  return { journal: chosen, warnings };
}

/** @throws Problem `journal-forked` */
function follow(copies: readonly ProvenCopy[], needed: number, warnings: string[]): VerifiedJournal {
  let left = [...copies].sort((a, b) => b.journal.lines.length - a.journal.lines.length);
  for (;;) {
    const longest = left[0]?.journal ?? copies[0]?.journal;
    if (longest === undefined) throw new Problem('internal', 'there is no copy');
    const at = left.reduce(
      (parting, { journal }) => Math.min(parting, partingOf(longest, journal)),
      Number.POSITIVE_INFINITY,
    );
    if (at === Number.POSITIVE_INFINITY) return longest;
    const sides = [...Map.groupBy(left, ({ journal }) => journal.lines[at]?.text).entries()];
    const [major] = sides.filter(([text, some]) => text !== undefined && some.length >= needed);
    if (major === undefined) throw forked(sides, at);
    const parted = left.filter((one) => one.journal.lines.length > at && !major[1].includes(one));
    for (const { node, journal } of parted) {
      warnings.push(
        `line ${at + 1} of the journal on ${node}, by ${journal.authors[at]}, differs from the one that a majority stores`,
      );
    }
    left = left.filter((one) => !parted.includes(one));
  }
}

/** The first line in which two journals differ; a shorter one that agrees does not differ. */
function partingOf(one: VerifiedJournal, other: VerifiedJournal): number {
  const parting = other.lines.findIndex(
    ({ text }, index) => one.lines[index] !== undefined && one.lines[index].text !== text,
  );
  return parting < 0 ? Number.POSITIVE_INFINITY : parting;
}

function forked(sides: readonly (readonly [string | undefined, readonly ProvenCopy[]])[], at: number): Problem {
  const named = sides
    .filter(([text]) => text !== undefined)
    .map(([, some]) => `${some.map(({ node }) => node).join(', ')} by ${some[0]?.journal.authors[at]}`);
  const what = `the journal of the run forks at line ${at + 1}: on ${named.join('; on ')}`;
  return new Problem('journal-forked', what, 'nothing was resumed; “mco-deploy audit trace RUN” shows every call');
}
