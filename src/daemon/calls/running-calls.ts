/** The calls in the pipeline, including those whose caller is gone. */
export interface RunningCalls {
  readonly run: <T>(call: () => Promise<T>) => Promise<T>;
  /** Resolves as soon as none is running. */
  readonly ended: () => Promise<void>;
}

export function startRunningCalls(): RunningCalls {
  const running = new Set<Promise<unknown>>();
  return {
    run: async (call) => {
      const ending = call();
      running.add(ending);
      try {
        return await ending;
      } finally {
        running.delete(ending);
      }
    },
    ended: async () => {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
