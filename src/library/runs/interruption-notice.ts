/** Stores a notice of interruption on a node during a run, because a killed client cannot send one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';

export interface NoticeOptions {
  /** Any of them can send it. */
  readonly nodes: readonly string[];
  readonly input: JsonObject;
  /** Seconds that the node waits for the run, which renews it three times in that time: as long as a lease lives. */
  readonly hold: number;
  /** The text for the current state. */
  readonly message: () => string;
  readonly ask: (node: string, input: JsonObject) => Promise<Outcome>;
  readonly warn: (line: string) => void;
  /** Waits (milliseconds) for nodes at the end; by default by the clock. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

export interface KeptNotice {
  /** Updates the text, as soon as the node has replied to the last update. */
  readonly refresh: () => void;
  readonly withdraw: () => Promise<void>;
  /** Lets it be sent: nobody else could notify of the end. */
  readonly leave: () => void;
}

/** Milliseconds in which nodes confirm a withdrawal: the run has ended, and a person waits. */
const patience = 5000;

export async function startNotice(options: NoticeOptions): Promise<KeptNotice> {
  const { hold, warn } = options;
  const copies = defineCopies(options);
  let ended = false;
  const findKeeper = () => storeOnOne(copies, options, () => ended);
  let keeper = await findKeeper();
  const renewOn = async (node: string) => {
    const outcome = await copies.put(node);
    // A node that is gone cannot send it: another one stores it from now on.
    if (!ended && outcome.outcome !== 'ok') keeper = await findKeeper();
  };
  let renewing: Promise<void> | undefined;
  const renew = () => {
    if (ended || keeper === undefined || renewing !== undefined) return;
    renewing = renewOn(keeper).finally(() => {
      renewing = undefined;
    });
  };
  const timer = setInterval(renew, (hold * 1000) / 3);
  timer.unref();
  const end = () => {
    ended = true;
    clearInterval(timer);
  };
  return {
    refresh: renew,
    withdraw: async () => {
      end();
      await removeAll(copies, renewing, options);
    },
    leave: () => {
      end();
      if (copies.nodes.size > 0)
        warn(`warning: nobody was notified yet; ${namesOf(copies.nodes)} may report the run as interrupted`);
    },
  };
}

/** The notice on the nodes. */
interface Copies {
  /** Where it has been stored, also if the node does not answer any more. */
  readonly nodes: ReadonlySet<string>;
  readonly put: (node: string) => Promise<Outcome>;
  readonly remove: (node: string) => Promise<Outcome>;
}

function defineCopies({ input, hold, message, ask }: NoticeOptions): Copies {
  const nodes = new Set<string>();
  return {
    nodes,
    put: async (node) => {
      const outcome = await ask(node, { ...input, message: message(), hold });
      if (outcome.outcome === 'ok') nodes.add(node);
      return outcome;
    },
    remove: async (node) => await ask(node, { ...input, message: '-', hold: 0 }),
  };
}

/** @returns the first node that stores the notice; undefined if none does, or the run has ended in the meantime */
async function storeOnOne(
  copies: Copies,
  { nodes, warn }: NoticeOptions,
  hasEnded: () => boolean,
): Promise<string | undefined> {
  let reason = '';
  for (const node of nodes) {
    if (hasEnded()) return undefined;
    const outcome = await copies.put(node);
    if (outcome.outcome === 'ok') return node;
    reason = `${node}: ${outcome.message}`;
  }
  if (!hasEnded()) warn(`warning: if this program is killed, nobody is notified: no node keeps a notice: ${reason}`);
  return undefined;
}

/** @param renewing a renewal that arrived after this would make the node send the notice */
async function removeAll(
  copies: Copies,
  renewing: Promise<void> | undefined,
  { warn, pause = byClock }: NoticeOptions,
): Promise<void> {
  const done = new AbortController();
  const late = pause(patience, done.signal);
  await Promise.race([renewing, late]);
  const left = new Set(copies.nodes);
  const removeFrom = async (node: string) => {
    const { outcome } = await copies.remove(node);
    if (outcome === 'ok') left.delete(node);
  };
  await Promise.race([Promise.all([...copies.nodes].map(removeFrom)), late]);
  done.abort();
  if (left.size > 0) warn(`warning: ${namesOf(left)} may report this run as interrupted: no answer`);
}

function namesOf(nodes: ReadonlySet<string>): string {
  return [...nodes].sort().join(', ');
}

async function byClock(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
