import type { NodeFailure } from '../events/events.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { RunContext } from '../context.ts';

const longest = 2000;

/** Without the texts of sensitive inputs, and what was computed from them, as it may be shown. */
export function hideSecrets(text: string, { texts, brief }: Pick<RunContext['taint'], 'texts' | 'brief'>): string {
  // The longest first: a part of one may be another.
  const secrets = [...texts.keys(), ...brief.keys()].sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return text;
  const pattern = new RegExp(secrets.map(escapePattern).join('|'), 'g');
  return text.replace(pattern, '(hidden)');
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Why a step failed, as it may be written down: a message of the playbook may repeat what must not be. */
export function reasonsToKeep(
  failed: readonly NodeFailure[],
  { taint, discretion }: Pick<RunContext, 'taint' | 'discretion'>,
): readonly NodeFailure[] {
  const hides = (reason: string) => discretion.outputs || hideSecrets(reason, taint) !== reason;
  return failed.map(({ node, code, reason }) => ({
    node,
    code,
    reason: hides(reason) ? '(hidden)' : reason.slice(0, longest),
  }));
}

/** What a node replied, as it may be written down: it may repeat what it was given. */
export function replyToKeep(
  { message, data }: { readonly message: string; readonly data: JsonObject },
  { taint, discretion }: Pick<RunContext, 'taint' | 'discretion'>,
): { readonly message: string; readonly data: JsonObject } {
  const [kept] = message === '' ? [] : reasonsToKeep([{ node: '', code: '', reason: message }], { taint, discretion });
  return { message: kept?.reason ?? '', data: hideWithin(data, taint) as JsonObject };
}

function hideWithin(value: unknown, taint: RunContext['taint']): unknown {
  if (taint.texts.size + taint.brief.size === 0) return value;
  if (typeof value === 'string') return hideSecrets(value, taint);
  if (Array.isArray(value)) return value.map((item) => hideWithin(item, taint));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [hideSecrets(key, taint), hideWithin(item, taint)]),
  );
}
