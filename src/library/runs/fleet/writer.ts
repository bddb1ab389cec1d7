/** Writes a run's journal to the nodes that store it: signed line by line, on a majority of them before each change. */
import type { X509Certificate } from 'node:crypto';
import { Problem } from '../../../core/errors.ts';
import { encodeChain, hashText, type JournalLine, type StoredOn, sealLine } from '../../../core/journal/line.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Credentials } from '../../../core/credentials/signature.ts';
import { type AppendTo, type Holder, startHolder } from './append.ts';

export interface FleetJournal {
  readonly holders: readonly string[];
  /**
   * Signs an entry; it is sent with the next one that must be stored, or after a short time: soon if it has the outcome
   * of a change.
   */
  readonly add: (entry: JsonObject, soon?: boolean) => void;
  /** Resolves when a majority has every added line. @throws Problem `journal-not-stored` */
  readonly settle: () => Promise<void>;
  /** Sends the rest, as far as possible within a short time. */
  readonly close: () => Promise<void>;
}

export interface FleetJournalOptions {
  readonly run: string;
  readonly stored: StoredOn;
  /** The journal that nodes already store of a resumed run. */
  readonly lines: readonly JournalLine[];
  readonly credentials: () => Credentials;
  readonly append: AppendTo;
}

/** Milliseconds until lines that nothing waits for are sent; until those with the outcome of a change are. */
const idle = 1000;
const soonest = 50;
/** Milliseconds that a run waits for its last lines. */
const patience = 5000;

export function startFleetJournal(options: FleetJournalOptions): FleetJournal {
  const { stored, append } = options;
  const lines = [...options.lines];
  const holders = stored.holders.map((node) => startHolder(node, lines, options.lines.length, append));
  const seal = startSealing(options);
  let timer: { readonly due: number; readonly handle: NodeJS.Timeout } | undefined;
  const sendAll = () => Promise.all(holders.map((holder) => holder.send()));
  const sendWithin = (milliseconds: number) => {
    const due = performance.now() + milliseconds;
    if (timer !== undefined && timer.due <= due) return;
    clearTimeout(timer?.handle);
    const send = () => {
      timer = undefined;
      void sendAll();
    };
    timer = { due, handle: setTimeout(send, milliseconds).unref() };
  };
  return {
    holders: stored.holders,
    add: (entry, soon = false) => {
      lines.push(seal(lines, entry));
      sendWithin(soon ? soonest : idle);
    },
    settle: () => settle(holders, lines.length),
    close: async () => {
      clearTimeout(timer?.handle);
      const waiting = Promise.withResolvers<void>();
      const late = setTimeout(waiting.resolve, patience);
      await Promise.race([sendAll(), waiting.promise]).finally(() => clearTimeout(late));
    },
  };
}

/** The number of nodes that is a majority. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** Resolves as soon as a majority has so many lines: a node that hangs delays nobody. */
async function settle(holders: readonly Holder[], copies: number): Promise<void> {
  const needed = majorityOf(holders.length);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let having = 0;
  let open = holders.length;
  const sendTo = async (holder: Holder) => {
    // A running request was made before the last lines were added.
    await holder.send();
    if (holder.fault() === undefined && holder.stored() < copies) await holder.send();
    open--;
    if (holder.stored() >= copies) having++;
    if (having >= needed) resolve();
    else if (having + open < needed) reject(notStored(holders, copies));
  };
  for (const holder of holders) sendTo(holder).catch(reject);
  await promise;
}

function notStored(holders: readonly Holder[], copies: number): Problem {
  const without = holders.filter((holder) => holder.stored() < copies);
  const why = without.map((holder) => `${holder.node}: ${holder.fault() ?? 'it has not replied'}`).join('; ');
  const what = `${holders.length - without.length} of ${holders.length} nodes store the journal, and ${majorityOf(holders.length)} must before a change`;
  return new Problem('journal-not-stored', `${what}: ${why}`, 'correct that, then resume the run');
}

/** Each line names the one before; the first line that a certificate signs includes it. */
function startSealing({ run, stored, credentials }: FleetJournalOptions) {
  let signer: X509Certificate | undefined;
  return (before: readonly JournalLine[], entry: JsonObject): JournalLine => {
    const own = credentials();
    const last = before.at(-1);
    const content = {
      run,
      sequence: before.length + 1,
      previous: last === undefined ? '' : hashText(last.text),
      ...(last === undefined ? { stored } : {}),
      ...(signer === own.certificate ? {} : { chain: encodeChain(own) }),
      entry,
    };
    signer = own.certificate;
    return sealLine(content, own);
  };
}
