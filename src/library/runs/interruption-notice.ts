/** Stores a notice of interruption on a node during a run, because a killed client cannot send one. */
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
}

export interface KeptNotice {
  /** Updates the text, as soon as the node has replied to the last update. */
  readonly refresh: () => void;
  readonly withdraw: () => Promise<void>;
}

export async function startNotice({ nodes, input, hold, message, ask, warn }: NoticeOptions): Promise<KeptNotice> {
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
      // A renewal that arrives after the withdrawal would make the node send it.
      await renewing;
      await Promise.all([...keeping].map((node) => ask(node, { ...input, message: '-', hold: 0 })));
    },
  };
}
