import { setImmediate as turn } from 'node:timers/promises';

/** Asks a relay again for the key of a node. Resolves with whether the relay replied: with the key, or without it. */
export type AskAgain = (node: string) => Promise<boolean>;

/**
 * Nodes that are asked for at the same moment go into one question.
 * @param ask resolves with whether the relay replied to all of it; never rejects
 */
export function startAskingAgain(
  ask: (names: string[], onReported: (name: string) => void) => Promise<boolean>,
): AskAgain {
  let next: Map<string, PromiseWithResolvers<boolean>> | undefined;
  const send = async (batch: Map<string, PromiseWithResolvers<boolean>>) => {
    await turn();
    next = undefined;
    // No node waits for another, to which the relay may have lost its connection.
    const replied = await ask([...batch.keys()], (name) => batch.get(name)?.resolve(true));
    for (const { resolve } of batch.values()) resolve(replied);
  };
  return (node) => {
    if (next === undefined) {
      next = new Map();
      void send(next);
    }
    const wait = next.get(node) ?? Promise.withResolvers<boolean>();
    next.set(node, wait);
    return wait.promise;
  };
}
