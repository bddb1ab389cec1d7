import { Problem } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';

/**
 * The form of the entries that this program writes. It grows when an earlier program would misread them; a new field
 * or type that it may leave out does not count. The entry `process` names the form of those after it; without one it is
 * the first.
 */
export const journalForm = 1;

/** @throws Problem `newer-journal`: to continue what is only half understood could repeat or leave out a change */
export function requireKnownForm(entries: readonly unknown[]): void {
  const forms = entries.flatMap((entry) => (isObject(entry) && typeof entry.form === 'number' ? [entry.form] : []));
  const form = Math.max(0, ...forms);
  if (form <= journalForm) return;
  const what = `a newer mco-deploy wrote the journal of this run (form ${form}; this program reads form ${journalForm})`;
  throw new Problem('newer-journal', what, 'use that version, or a later one, for this run');
}
