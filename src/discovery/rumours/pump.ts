/** Begins work in small parts, so that what arrives meanwhile may have the next turn. */
export interface Pump {
  /** Begins what can be begun, from the next turn of the event loop on. */
  readonly run: () => void;
  readonly isRunning: () => boolean;
}

/** How much begins in one turn of the event loop. */
const atATime = 2;

/** @param begin begins one piece of work; returns whether there was one */
export function startPump(begin: () => boolean): Pump {
  let turn: NodeJS.Immediate | undefined;
  const run = () => {
    turn ??= setImmediate(() => {
      turn = undefined;
      for (let count = 0; count < atATime; count++) if (!begin()) return;
      run();
    });
  };
  return { run, isRunning: () => turn !== undefined };
}
