import type { Feed } from './api.ts';

/**
 * Begins work whose parts can be iterated over while it runs. Each iterator gets every part, from the first.
 * @param work receives a function that takes each part
 */
export function startFeed<Item, Result>(work: (emit: (item: Item) => void) => Promise<Result>): Feed<Item, Result> {
  const items: Item[] = [];
  let wake = Promise.withResolvers<void>();
  let isOver = false;
  const advance = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const result = work((item) => {
    items.push(item);
    advance();
  }).finally(() => {
    isOver = true;
    advance();
  });
  // A caller that only iterates receives a failure there.
  result.catch(() => {});
  return Object.assign(result, {
    async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
      for (let next = 0; ; ) {
        while (next < items.length) yield items[next++] as Item;
        if (isOver) break;
        await wake.promise;
      }
      await result;
    },
  });
}
