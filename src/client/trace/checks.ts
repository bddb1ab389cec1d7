import type { AuditEntry } from '../../core/audit/show.ts';
import { isCommitment } from '../../core/request/sensitive.ts';
import type { CheckedRecords, TraceFinding } from '../../library/audit/check-records.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';

/** A node's records of a run, request by request. */
export interface TracedNode extends Pick<CheckedRecords, 'node' | 'hashes'> {
  readonly entries: readonly AuditEntry[];
}

type Called = Extract<JournalEntry, { type: 'call' }>;
type Ended = Extract<JournalEntry, { type: 'outcome' }>;

/** Compares the nodes' records with the operator's journal, call by call. */
export function compareWithJournal(journal: readonly JournalEntry[], checked: readonly TracedNode[]): TraceFinding[] {
  const calls = journal.filter((entry): entry is Called => entry.type === 'call');
  const outcomes = journal.filter((entry): entry is Ended => entry.type === 'outcome');
  const operators = journal.flatMap((entry) =>
    entry.type === 'run-started' || entry.type === 'run-resumed' ? [`cert=${entry.operator}`] : [],
  );
  const cutOff = callsCutOff(journal);
  return checked.flatMap(({ node, entries, hashes }) => {
    const byKey = Map.groupBy(entries, ({ intent }) => keyOf(intent.request_id, intent.try));
    const ended = new Map(
      outcomes.filter((one) => one.node === node).map((one) => [keyOf(one.requestId, one.try), one]),
    );
    const mine = calls.filter((one) => one.nodes.includes(node));
    const known = new Set(mine.map((one) => keyOf(one.requestId, one.try)));
    const strange = entries.filter(
      ({ intent }) =>
        !known.has(keyOf(intent.request_id, intent.try)) && !(operators.includes(intent.caller) && keepsRun(intent)),
    );
    return [
      ...mine.flatMap((call) => {
        const key = keyOf(call.requestId, call.try);
        const findings = compareCall(node, call, ended.get(key), byKey.get(key) ?? [], operators);
        const isLost = cutOff.has(call) && !ended.has(key);
        return isLost ? findings.filter(({ code }) => code !== 'outcome-differs') : findings;
      }),
      ...strange.map(({ intent }) => ({
        node,
        code: 'not-in-journal',
        message: `${nameOf(intent)} by ${intent.caller} is recorded, and the journal has no such call`,
      })),
      ...[...ended.values()].flatMap((one) => compareHead(one, hashes)),
    ];
  });
}

/** Calls in progress when the client was killed: an outcome that a node recorded may be missing in the journal. */
function callsCutOff(journal: readonly JournalEntry[]): ReadonlySet<Called> {
  const found = new Set<Called>();
  let open = new Map<string, Called>();
  const cutOff = () => {
    for (const call of open.values()) found.add(call);
    open = new Map();
  };
  for (const entry of journal) {
    if (entry.type === 'call') open.set(keyOf(entry.requestId, entry.try), entry);
    // A run that finished recorded every outcome; one that is resumed was cut off before.
    else if (entry.type === 'run-finished') open = new Map();
    else if (entry.type === 'run-resumed') cutOff();
  }
  cutOff();
  return found;
}

/**
 * A run's calls outside of its steps, which need not be recorded when it is resumed: it stores its journal, keeps its
 * lease and its notice of interruption.
 */
function keepsRun({ agent, action, step, arguments: input }: AuditEntry['intent']): boolean {
  if (step !== '') return false;
  const call = `${agent}.${action}`;
  return (
    ['journal.append', 'lock.renew', 'lock.release'].includes(call) || (call === 'angelia.sendmsg' && 'hold' in input)
  );
}

function keyOf(requestId: string, attempt: number): string {
  return `${requestId} ${attempt}`;
}

function nameOf({ agent, action, try: attempt }: { agent: string; action: string; try: number }): string {
  return `${agent}.${action} (try ${attempt})`;
}

/**
 * Refusals that a node cannot record, or need not record one by one (docs/audit.md): its log could not be written, or
 * the caller was refused before its request was read or because it exceeded its limits.
 */
const leavesNoRecord = new Set([
  'audit-failed',
  'busy',
  'rate-limited',
  'not-serving',
  'expired-certificate',
  'early-certificate',
  'revoked-certificate',
  'foreign-certificate',
  'wrong-kind',
  'too-large',
  'malformed-message',
]);

/** A call without a reply may never have arrived. */
const mayBeLost = new Set(['no-response', 'cancelled']);

function compareCall(
  node: string,
  call: Called,
  ended: Ended | undefined,
  entries: readonly AuditEntry[],
  operators: readonly string[],
): TraceFinding[] {
  const find = (code: string, message: string): TraceFinding => ({
    node,
    code,
    message: `${nameOf(call)}: ${message}`,
  });
  // A repetition of the same request is answered from memory, or refused: the first one counts.
  const entry = entries.find(({ outcome }) => outcome?.recorded !== true && outcome?.code !== 'replayed') ?? entries[0];
  if (entry === undefined) {
    if (ended?.outcome === 'refused' && leavesNoRecord.has(ended.code)) {
      return [{ ...find('refused-unrecorded', `the node refused it without a record: ${ended.code}`), admitted: true }];
    }
    const lost = ended === undefined || mayBeLost.has(ended.outcome);
    return lost ? [] : [find('no-record', `the journal says ${saying(ended)}, and the node has no record of it`)];
  }
  const { intent, outcome } = entry;
  const findings: TraceFinding[] = [];
  const alike = intent.agent === call.agent && intent.action === call.action && intent.dry_run === call.dryRun;
  if (!alike || !sameInput(call.input, intent.arguments)) {
    findings.push(find('request-differs', 'the record is not of what the journal says was asked'));
  }
  if (!operators.includes(intent.caller)) findings.push(find('caller-differs', `it was asked by ${intent.caller}`));
  const reported = ended === undefined ? 'nothing' : saying(ended);
  if (outcome === undefined && ended !== undefined && headOf(ended).sequence === intent.sequence) {
    const message = `its outcome is not recorded, as the node's reply showed: its log ended with the request then (${reported})`;
    findings.push({ ...find('outcome-unrecorded', message), admitted: true });
  } else if (outcome === undefined)
    findings.push(find('no-outcome', `it began, and its outcome is not recorded (the journal says ${reported})`));
  else if (ended === undefined || ended.outcome !== outcome.outcome || ended.code !== outcome.code) {
    findings.push(find('outcome-differs', `the node recorded ${saying(outcome)}, the journal says ${reported}`));
  }
  return findings;
}

function saying({ outcome, code }: { outcome: string; code: string }): string {
  return code === '' ? outcome : `${outcome} (${code})`;
}

/**
 * In the record, commitments replace sensitive inputs, and in the journal they are hidden or missing: the others must
 * be the same.
 */
function sameInput(input: object, recorded: object): boolean {
  const hidden = new Set(Object.entries(recorded).flatMap(([name, value]) => (isCommitment(value) ? [name] : [])));
  const shown = (all: object) => {
    const entries = Object.entries(all).filter(([name]) => !hidden.has(name));
    return JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  };
  return shown(recorded) === shown(input);
}

/** The head in a reply names the last record at that time. */
function compareHead(ended: Ended, hashes: ReadonlyMap<number, string>): TraceFinding[] {
  const { sequence, hash } = headOf(ended);
  const recorded = hashes.get(sequence);
  if (recorded === undefined || recorded === hash) return [];
  return [
    {
      node: ended.node,
      code: 'rewritten',
      message: `record ${sequence} is not the one whose hash the node signed in its reply`,
    },
  ];
}

function headOf({ auditHead = '' }: Ended): { sequence: number; hash: string } {
  const [sequence = '', hash = ''] = auditHead.split(':');
  return { sequence: sequence === '' ? Number.NaN : Number(sequence), hash };
}
