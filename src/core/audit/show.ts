import { printable, quoteWord } from '../text.ts';
import type { AuditRecord, EndedRecord, IntentRecord, OutcomeRecord } from './record.ts';

/** A request of the log with its outcome, if that is known. */
export interface AuditEntry {
  readonly intent: IntentRecord & { readonly sequence: number; readonly time: string; readonly node: string };
  readonly outcome?: OutcomeRecord & { readonly time: string };
}

/** Joins intents with their outcomes, in the order of the intents. */
export function joinEntries(records: readonly AuditRecord[]): AuditEntry[] {
  const outcomes = new Map<number, AuditRecord & OutcomeRecord>();
  for (const record of records) {
    if (record.kind === 'outcome') outcomes.set(record.intent, record);
    if (record.kind === 'ended') outcomes.set(record.intent, outcomeOf(record));
  }
  return records
    .filter((record) => record.kind === 'intent')
    .map((intent) => {
      const outcome = outcomes.get(intent.sequence);
      return outcome === undefined ? { intent } : { intent, outcome };
    });
}

/** The end of a detached call, in place of the outcome that says that it began. */
export function outcomeOf(ended: AuditRecord & EndedRecord): AuditRecord & OutcomeRecord {
  return { ...ended, kind: 'outcome', recorded: false };
}

/** The seed's line: `reqid=…: reqtime=… caller=… agent=… action=… data={…}`, and the outcome. */
export function formatEntry({ intent, outcome }: AuditEntry): string {
  const seconds = Math.floor(intent.request_time / 1000);
  const [caller, agent, action] = [intent.caller, intent.agent, intent.action].map(quoteWord);
  const asked = `reqid=${quoteWord(intent.request_id)}: reqtime=${seconds} caller=${caller} agent=${agent} action=${action}`;
  const became = outcome === undefined ? 'unknown' : outcome.outcome;
  const code = outcome?.code ? ` code=${quoteWord(outcome.code)}` : '';
  const mode = intent.dry_run ? ' dryrun=true' : '';
  return `${asked} data=${printable(JSON.stringify(intent.arguments))}${mode} outcome=${became}${code}`;
}
