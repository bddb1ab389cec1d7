/** HAProxy's “stats maxconn” is 10 by default: leave room for others. */
const connections = 4;

/**
 * Does something for each item, a few at a time. After a failure nothing more is begun, and what was begun
 * is waited for, so that nothing goes on behind the back of whoever cleans up.
 */
export async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T;
      await act(item).catch((failure: unknown) => failures.push(failure));
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  if (failures.length > 0) throw failures[0];
}
