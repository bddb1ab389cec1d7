/** Merges names from several sources, each once, for one reader. */
export interface NameStream extends AsyncIterable<string> {
  readonly push: (name: string) => void;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

export function startNameStream(): NameStream {
  const seen = new Set<string>();
  const waiting: string[] = [];
  let over = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = () => {};
  return {
    push: (name) => {
      if (seen.has(name)) return;
      seen.add(name);
      waiting.push(name);
      wake();
    },
    end: () => {
      over = true;
      wake();
    },
    fail: (error) => {
      failure = { error };
      over = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift() as string;
        if (failure !== undefined) throw failure.error;
        if (over) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
