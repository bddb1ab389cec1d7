/** Sends lines of a run's journal to one node that stores it. */

import { hashText, type JournalLine } from '../../../core/journal/line.ts';
import type { Outcome } from '../../../core/request/reply.ts';

/** Calls `journal.append` on a node, under the run's lease. */
export type AppendTo = (
  node: string,
  input: { readonly after: number; readonly lines: readonly JournalLine[]; readonly head: string },
  dryRun: boolean,
) => Promise<Outcome>;

/** A node that stores the journal, and how much of it. */
export interface Holder {
  readonly node: string;
  /** How many lines it is known to have. */
  readonly stored: () => number;
  /** Why it accepts no more lines; undefined while it does. */
  readonly fault: () => string | undefined;
  /** Sends the missing lines. Resolves when it has all, or accepts no more. */
  readonly send: () => Promise<void>;
}

/** Bytes of lines in one request: the server takes 1 MiB, and Base64 is not needed for them. */
const mostInRequest = 400 * 1024;

/** @param lines of the whole journal; it grows @param known how many lines the node may have already */
export function startHolder(node: string, lines: readonly JournalLine[], known: number, append: AppendTo): Holder {
  let stored = 0;
  let next = known;
  let fault: string | undefined;
  let sending: Promise<void> | undefined;
  const sendAll = async () => {
    fault = undefined;
    // A node that lacks lines reports how many it has: if that happens twice, it is not reliable.
    for (let gaps = 0; stored < lines.length && fault === undefined; ) {
      const some = takeSome(lines.slice(next));
      const last = some.at(-1);
      const { outcome, code, message, data } = await append(
        node,
        { after: next, lines: some, head: hashText(last?.text ?? '') },
        false,
      );
      const has = typeof data.sequence === 'number' ? data.sequence : undefined;
      if (outcome === 'ok' && has !== undefined && has >= next + some.length) {
        stored = next + some.length;
        next = stored;
      } else if (code === 'journal-gap' && has !== undefined && has < next && gaps++ < 2) next = has;
      else fault = message === '' ? outcome : message;
    }
  };
  return {
    node,
    stored: () => stored,
    fault: () => fault,
    send: () => {
      sending ??= sendAll().finally(() => {
        sending = undefined;
      });
      return sending;
    },
  };
}

function takeSome(lines: readonly JournalLine[]): JournalLine[] {
  let bytes = 0;
  const most = lines.findIndex(({ text }) => {
    bytes += 2 * Buffer.byteLength(text);
    return bytes > mostInRequest;
  });
  return lines.slice(0, most < 0 ? undefined : Math.max(1, most)).slice(0, 1000);
}
