/** Collects all garbage at once. */
export type CollectGarbage = (options?: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/** V8's own collector, as its flag `--expose-gc` gives it to a program. The modules are loaded on first use. */
export function findCollector(): CollectGarbage {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--expose-gc');
  const collect = process.getBuiltinModule('node:vm').runInNewContext('gc') as CollectGarbage;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
