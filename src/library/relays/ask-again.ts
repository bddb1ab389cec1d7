import { setImmediate as turn } from 'node:timers/promises';

/** Asks a relay again for the key of a node. Resolves when the relay has reported it, or does not. */
export type AskAgain = (node: string) => Promise<void>;

/**
 * Nodes that are asked for at the same moment go into one question.
 * @param ask resolves when the relay has replied to all of it, or cannot; never rejects
 */
export function startAskingAgain(
  ask: (names: string[], onReported: (name: string) => void) => Promise<void>,
): AskAgain {
  let next: Map<string, PromiseWithResolvers<void>> | undefined;
  const send = async (batch: Map<string, PromiseWithResolvers<void>>) => {
    await turn();
    next = undefined;
    // No node waits for another, to which the relay may have lost its connection.
    await ask([...batch.keys()], (name) => batch.get(name)?.resolve());
    for (const { resolve } of batch.values()) resolve();
  };
  return (node) => {
    if (next === undefined) {
      next = new Map();
      void send(next);
    }
    const wait = next.get(node) ?? Promise.withResolvers<void>();
    next.set(node, wait);
    return wait.promise;
  };
}
