/** Wakes one that waits; a ring while nobody waits is heard by the next one. */
export interface Bell {
  readonly ring: () => void;
  /** Resolves at the next ring, or when the signal aborts. */
  readonly heard: (signal: AbortSignal) => Promise<void>;
}

export function makeBell(): Bell {
  let rung = false;
  let wake = () => {};
  return {
    ring: () => {
      rung = true;
      wake();
    },
    heard: async (signal) => {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      rung = false;
    },
  };
}
