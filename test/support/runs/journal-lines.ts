/** Lines of journals, signed by operators of a test's fleet. */
import { encodeChain, hashText, type JournalLine, sealLine } from '../../../src/core/journal/line.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { Member } from '../fleet/fleet.ts';

export const run = 'a'.repeat(32);
export const lease = 'app/bravo';
export const holders = ['dev1', 'dev2', 'dev3'];

const asked = { step: 'update', requestId: '1', try: 1 };
/** What an entry of a type must have. */
const needed: Readonly<Record<string, JsonObject>> = {
  'run-started': { playbook: 'app', inputs: {} },
  'step-started': { step: 'update' },
  'step-finished': { step: 'update', state: 'done' },
  call: { ...asked, agent: 'appmgr', action: 'upgrade', input: {}, nodes: ['dev1'] },
  outcome: { ...asked, node: 'dev1', outcome: 'ok', code: '', message: '', data: {} },
  'run-finished': { state: 'done' },
};

/** A whole entry of a type. */
export function entryOf(type: string, operator = 'rip@devco.net'): JsonObject {
  return { at: 1, runId: run, type, operator, ...needed[type] };
}

/** Continues a journal by entries that one operator signs: whole ones, or their types. */
export function writeLines(
  operator: Pick<Member, 'credentials'>,
  entries: readonly (string | JsonObject)[],
  before: readonly JournalLine[] = [],
  { id = run, at = Date.now(), nodes = holders }: { id?: string; at?: number; nodes?: readonly string[] } = {},
): JournalLine[] {
  const lines = [...before];
  const { name } = operator.credentials.identity;
  for (const [index, one] of entries.entries()) {
    const last = lines.at(-1);
    const content = {
      run: id,
      sequence: lines.length + 1,
      previous: last === undefined ? '' : hashText(last.text),
      ...(last === undefined ? { stored: { lease, holders: nodes } } : {}),
      ...(index === 0 ? { chain: encodeChain(operator.credentials) } : {}),
      entry: typeof one === 'string' ? { ...entryOf(one, name), at } : one,
    };
    lines.push(sealLine(content, operator.credentials));
  }
  return lines;
}
