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

export async function startNotice({
  nodes,
  input,
  hold,
  message,
  ask,
  warn,
  pause = byClock,
}: NoticeOptions): Promise<KeptNotice> {
  const keeping = new Set<string>();
  let keeper: string | undefined;
  let ended = false;
  const put = async (node: string) => {
    const outcome = await ask(node, { ...input, message: message(), hold });
    if (outcome.outcome === 'ok') keeping.add(node);
    return outcome;
  };
  const findKeeper = async () => {
    let reason = '';
    for (const node of nodes) {
      // The run has ended in the meantime: the notice is not needed any more.
      if (ended) return undefined;
      const outcome = await put(node);
      if (outcome.outcome === 'ok') return node;
      reason = `${node}: ${outcome.message}`;
    }
    if (!ended) warn(`warning: if this program is killed, nobody is notified: no node keeps a notice: ${reason}`);
    return undefined;
  };
  let renewing: Promise<void> | undefined;
  const renew = async () => {
    if (ended || keeper === undefined || renewing !== undefined) return;
    renewing = renewNow(keeper).finally(() => {
      renewing = undefined;
    });
    await renewing;
  };
  const renewNow = async (node: string) => {
    const outcome = await put(node);
    // A node that is gone cannot send it: another one stores it from now on.
    if (!ended && outcome.outcome !== 'ok') keeper = await findKeeper();
  };
  keeper = await findKeeper();
  const timer = setInterval(() => void renew(), (hold * 1000) / 3);
  timer.unref();
  return {
    refresh: () => void renew(),
    withdraw: async () => {
      ended = true;
      clearInterval(timer);
      const done = new AbortController();
      const late = pause(patience, done.signal);
      // A renewal that arrives after the withdrawal would make the node send it.
      await Promise.race([renewing, late]);
      const left = new Set(keeping);
      const withdrawFrom = async (node: string) => {
        const { outcome } = await ask(node, { ...input, message: '-', hold: 0 });
        if (outcome === 'ok') left.delete(node);
      };
      await Promise.race([Promise.all([...keeping].map(withdrawFrom)), late]);
      done.abort();
      if (left.size > 0) warn(`warning: ${namesOf(left)} may report this run as interrupted: no answer`);
    },
    leave: () => {
      ended = true;
      clearInterval(timer);
      if (keeping.size > 0)
        warn(`warning: nobody was notified yet; ${namesOf(keeping)} may report the run as interrupted`);
    },
  };
}

function namesOf(nodes: ReadonlySet<string>): string {
  return [...nodes].sort().join(', ');
}

async function byClock(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
