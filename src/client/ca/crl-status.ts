import { isObject } from '../../core/json.ts';
import type { RevocationListInfo } from '../../core/ports.ts';
import type { Outcome } from '../../core/request/reply.ts';

/**
 * Whether a node has a revocation list: it had it, accepted it now, has an older or a newer one, or why that is
 * unknown.
 */
export interface CrlStatus extends Pick<Outcome, 'node' | 'outcome' | 'code' | 'message'> {
  readonly state: 'current' | 'taken' | 'behind' | 'newer' | 'unknown';
}

/** @param lists what the node should have */
export function crlStatusOf(
  { node, outcome, code, message, data }: Outcome,
  lists: readonly RevocationListInfo[],
): CrlStatus {
  if (outcome !== 'ok') {
    return { node, outcome, code, message, state: code === 'old-crl' ? 'newer' : 'unknown' };
  }
  const listed = heldIn(data.lists);
  const isBehind = lists.some(({ issuer, number }) => (listed.get(issuer)?.number ?? 0) < number);
  const isAhead = lists.some(({ issuer, ...list }) => isOther(list, listed.get(issuer)));
  const state = isBehind ? 'behind' : isAhead ? 'newer' : data.changed === true ? 'taken' : 'current';
  const has =
    listed.size === 0
      ? 'it has none'
      : `it has list ${[...listed.values()].map(({ number, date }) => `${number} of ${date}`).join(' and ')}`;
  const isGood = state === 'taken' || state === 'current';
  return {
    node,
    outcome: isGood ? 'ok' : 'failed',
    code: isGood ? '' : `${state}-crl`,
    message: isGood ? '' : has,
    state,
  };
}

/** A node to which no list can be delivered. */
export function withoutAgent(node: string): CrlStatus {
  const message = 'it does not run the agent crl: enable it in node.yaml';
  return { node, outcome: 'failed', code: 'unknown-agent', message, state: 'unknown' };
}

export function describeStatus({ state, message }: CrlStatus): string {
  switch (state) {
    case 'current':
      return 'has it';
    case 'taken':
      return 'took it';
    case 'behind':
      return `does not have it: ${message}`;
    case 'newer':
      return `has another list: ${message}`;
    case 'unknown':
      return message;
  }
}

interface ListedNumber {
  readonly number: number;
  readonly date: string;
}

/** A list with a higher number, or another one with the same: a CA that was restored from a backup counts again. */
function isOther(
  { number, this_update: date }: Omit<RevocationListInfo, 'issuer'>,
  listed: ListedNumber | undefined,
): boolean {
  return listed !== undefined && (listed.number > number || (listed.number === number && listed.date !== date));
}

/** A node's lists, by issuer; invalid ones do not count. */
function heldIn(lists: unknown): Map<string, ListedNumber> {
  const known = Array.isArray(lists) ? lists.filter(isObject) : [];
  return new Map(
    known.flatMap(({ issuer, number, this_update: date }) =>
      Number.isSafeInteger(number) ? [[String(issuer), { number: number as number, date: String(date) }] as const] : [],
    ),
  );
}
