/** Continues the run of another operator. */
import { Problem } from '../../../core/errors.ts';
import { count, printable } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { type FoundRun, operatorsOf } from '../../runs/fleet/find-run.ts';
import { askPerson, isOnTerminal } from '../../runs/prompts.ts';
import { formatInputs } from '../../runs/record.ts';
import type { ResumeOptions, Started } from './options.ts';

/**
 * A file on this host does not prove its author: only the operator that it names continues it. The copies on nodes are
 * signed, and each line must be signed by the operator that it names.
 * @throws Problem `other-operator`, `bad-journal`, `author-revoked`
 */
export function requireAuthors(
  { stored, entries }: FoundRun,
  { operator }: Started,
  self: string,
  force: boolean,
): void {
  if (stored === undefined) {
    if (operatorsOf(entries).at(-1) === self) return;
    throw new Problem('other-operator', `the run was started by ${operator}, and this is ${self}`);
  }
  for (const [index, entry] of stored.entries.entries()) {
    const named = entry.type === 'run-started' || entry.type === 'run-resumed' ? entry.operator : undefined;
    if (named === undefined || named === stored.authors[index]) continue;
    const what = `line ${index + 1} of the journal is signed by ${stored.authors[index]} and says that ${String(named)} wrote it`;
    throw new Problem('bad-journal', what);
  }
  if (stored.revoked.length === 0 || force) return;
  const what = `the certificate of ${stored.revoked.join(', ')}, who wrote the journal of this run, has been revoked`;
  throw new Problem('author-revoked', what, 'find out why; to continue the run anyway, add --force');
}

/** Shows the operator of the run, and asks. @throws Problem `not-agreed`, `no-terminal` */
export async function agreeToTakeOver(
  { run, stored, entries, lost }: FoundRun,
  { playbook, inputs, operator, digest }: Started,
  self: string,
  { yes }: ResumeOptions,
  context: CliContext,
): Promise<void> {
  if (lost > 0)
    context.err(
      `warning: ${count(lost, 'entry', 'entries')} of the journal on this host never reached the nodes; they count as unknown`,
    );
  if (stored === undefined) return;
  const authors = [...new Set(stored.authors)];
  const hosts = entries.flatMap((entry) => (entry.type === 'process' ? [entry.host] : []));
  const others = authors.filter((author) => author !== self);
  if (others.length === 0) return;
  const last = new Date(entries.at(-1)?.at ?? 0).toISOString();
  for (const line of [
    `run ${run}: ${playbook} ${formatInputs(inputs)}`,
    `  started by ${operator} on ${hosts[0] ?? 'an unknown host'}; playbook ${digest.slice(0, 16)}`,
    `  journal: ${count(stored.lines.length, 'line')} by ${authors.join(', ')}; every signature is valid; stored on ${stored.stored.holders.join(', ')}; last entry ${last}`,
    `  it continues as ${self}, with the rights of ${self} alone`,
  ])
    context.err(printable(line));
  if (yes === true) return;
  if (!isOnTerminal(context)) {
    throw new Problem(
      'no-terminal',
      `the run was started by ${others.join(', ')}, and there is no terminal to ask on`,
      'to take it over, add --yes',
    );
  }
  if (await askPerson(`Take over the run of ${others.join(', ')}?`, context.signal, context)) return;
  throw new Problem('not-agreed', 'nothing was changed');
}
