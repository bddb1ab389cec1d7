import { type ActionDdl, sensitiveInputs, sensitiveOutputs } from '../../core/ddl/ddl.ts';
import { hiddenText, hideTexts } from '../../core/hide-texts.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { ReplyContent } from '../../core/request/reply.ts';
import type { IncomingCall } from '../incoming-call.ts';

/** A reply in the form that may be stored: without sensitive outputs, and without sensitive inputs that it repeats. */
export function replyToStore(
  content: ReplyContent,
  { action, input }: Pick<IncomingCall, 'action' | 'input'>,
): ReplyContent {
  if (action === undefined) return { ...content, data: {} };
  const hide = hiding(action, input);
  const hidden = sensitiveOutputs(action);
  const data = Object.entries(content.data).map(([name, value]) => [
    name,
    hidden.includes(name) ? hiddenText : hideWithin(value, hide),
  ]);
  return { ...content, message: hide(content.message), hint: hide(content.hint), data: Object.fromEntries(data) };
}

/** More texts than these are not searched for, because it would take long: everything is hidden then. */
const mostSecrets = 1000;

/** Replaces the texts of sensitive inputs. */
function hiding(action: ActionDdl, input: JsonObject): (text: string) => string {
  const secrets = new Set(sensitiveInputs(action).flatMap((name) => textsIn(input[name])));
  return (text) => (secrets.size > mostSecrets && text !== '' ? hiddenText : hideTexts(text, secrets));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (typeof value === 'number') return [String(value)];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isObject(value) ? Object.values(value).flatMap(textsIn) : [];
}

function hideWithin(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value);
  if (typeof value === 'number') return hide(String(value)) === String(value) ? value : hiddenText;
  if (Array.isArray(value)) return value.map((item) => hideWithin(item, hide));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [hide(key), hideWithin(item, hide)]));
}
