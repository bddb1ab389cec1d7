/** The protocol between the daemon and the helper: one line of JSON each way. */
import { isObject, type JsonObject } from '../json.ts';
import { Problem } from '../errors.ts';
import type { ProblemCode } from '../problems/index.ts';
import type { SensitiveValue, SignedRequest } from '../wire/messages.ts';

export type HelperMessage =
  | {
      /** An operator’s request, as it was signed. */
      readonly type: 'request';
      readonly signed: SignedRequest;
      /** The run of the daemon that passes it on. */
      readonly instance: string;
    }
  /** Goes back to the last good version if the time to confirm a change is over. */
  | { readonly type: 'return' };

export type HelperReply = { readonly ok: JsonObject } | { readonly problem: Problem };

/** The maximum size of a message in bytes: a request with its values is smaller. */
export const largestMessage = 4 * 1024 * 1024;

export function encodeMessage(message: HelperMessage): string {
  if (message.type === 'return') return `${JSON.stringify(message)}\n`;
  const { signed, instance } = message;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const sensitive = Object.entries(signed.sensitive).map(([name, { salt, value }]) => [name, text(salt), text(value)]);
  const parts = {
    request: text(signed.request),
    signature: text(signed.signature),
    chain: signed.chain.map(text),
    sensitive,
  };
  return `${JSON.stringify({ type: 'request', instance, signed: parts })}\n`;
}

/** @throws Problem `malformed-message` */
export function decodeMessage(line: string): HelperMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new Problem('malformed-message', 'the message to the helper is not JSON', '', { cause });
  }
  if (isObject(value) && value.type === 'return') return { type: 'return' };
  const signed = isObject(value) && value.type === 'request' ? value.signed : undefined;
  if (!isObject(value) || !isObject(signed) || typeof value.instance !== 'string' || value.instance.length > 64) {
    throw new Problem('malformed-message', 'the message to the helper is not one that it knows');
  }
  return { type: 'request', instance: value.instance, signed: decodeSigned(signed) };
}

function decodeSigned({ request, signature, chain, sensitive }: Record<string, unknown>): SignedRequest {
  const bytes = (text: unknown) => Buffer.from(typeof text === 'string' ? text : '', 'base64');
  const values: Record<string, SensitiveValue> = {};
  for (const entry of Array.isArray(sensitive) ? sensitive : []) {
    const [name, salt, value] = Array.isArray(entry) ? entry : [];
    values[String(name)] = { salt: bytes(salt), value: bytes(value) };
  }
  return {
    request: bytes(request),
    signature: bytes(signature),
    chain: Array.isArray(chain) ? chain.map(bytes) : [],
    sensitive: values,
  };
}

export function encodeReply(reply: HelperReply): string {
  if ('ok' in reply) return `${JSON.stringify(reply)}\n`;
  const { code, message, hint } = reply.problem;
  return `${JSON.stringify({ problem: { code, message, hint } })}\n`;
}

/** @throws Problem the helper's reply, or `no-helper` where that is invalid */
export function decodeReply(line: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Problem('no-helper', 'the helper did not reply', 'see its log: journalctl -u "mco-deploy-config@*"');
  }
  if (isObject(value) && isObject(value.ok)) return value.ok as JsonObject;
  const { code, message, hint } = isObject(value) && isObject(value.problem) ? value.problem : {};
  throw new Problem(
    String(code ?? 'no-helper') as ProblemCode,
    String(message ?? 'the helper did not reply'),
    String(hint ?? ''),
  );
}
