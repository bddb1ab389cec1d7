import type { NodeFailure } from '../events/events.ts';
import { hiddenText, hideTexts } from '../../core/hide-texts.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { RunContext } from '../context.ts';

const longest = 2000;

/** Removes the texts of sensitive inputs, and of values computed from them, for display. */
export function hideSecrets(text: string, { texts, brief }: Pick<RunContext['taint'], 'texts' | 'brief'>): string {
  return hideTexts(text, [...texts.keys(), ...brief.keys()]);
}

/** The reasons of a failed step without secrets, for display. */
export function reasonsToShow(failed: readonly NodeFailure[], taint: RunContext['taint']): readonly NodeFailure[] {
  return failed.map((one) => ({ ...one, reason: hideSecrets(one.reason, taint) }));
}

/** The reply of a node without secrets, for display: it may repeat its input. */
export function replyToShow(
  { message, data }: { readonly message: string; readonly data: JsonObject },
  taint: RunContext['taint'],
): { readonly message: string; readonly data: JsonObject } {
  return { message: hideSecrets(message, taint), data: hideWithin(data, taint) as JsonObject };
}

/** The recordable reason of a failed step: a message of the playbook may repeat a secret. */
export function reasonsToKeep(
  failed: readonly NodeFailure[],
  { taint, sensitiveOutput }: Pick<RunContext, 'taint' | 'sensitiveOutput'>,
): readonly NodeFailure[] {
  const hides = (reason: string) => sensitiveOutput.seen || hideSecrets(reason, taint) !== reason;
  return failed.map(({ node, code, reason }) => ({
    node,
    code,
    reason: hides(reason) ? hiddenText : reason.slice(0, longest),
  }));
}

/** The recordable reply of a node: it may repeat its input. */
export function replyToKeep(
  { message, data }: { readonly message: string; readonly data: JsonObject },
  { taint, sensitiveOutput }: Pick<RunContext, 'taint' | 'sensitiveOutput'>,
): { readonly message: string; readonly data: JsonObject } {
  const [kept] =
    message === '' ? [] : reasonsToKeep([{ node: '', code: '', reason: message }], { taint, sensitiveOutput });
  return { message: kept?.reason ?? '', data: hideWithin(data, taint) as JsonObject };
}

/** Whether a text in the value contains a secret. */
export function repeatsSecret(value: unknown, taint: RunContext['taint']): boolean {
  return JSON.stringify(hideWithin(value, taint)) !== JSON.stringify(value);
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
