import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds: nothing that a test waits for takes so long, however busy the machine is. */
const patience = 60_000;

/**
 * Looks again and again, until something is so.
 * @param what it is, for the error that ends the wait: “the journal has two entries”
 * @param every milliseconds between two looks; 0: as soon as the event loop comes round
 */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, every = 10): Promise<void> {
  const end = performance.now() + patience;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited ${patience / 1000} s without success: ${what}`);
    await (every === 0 ? new Promise((resolve) => setImmediate(resolve)) : sleep(every));
  }
}

/** Waits for an event. @param what it is, for the error that ends the wait: “the second mail” */
export async function within<T>(what: string, event: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience / 1000} s without success: ${what}`)), patience);
  });
  try {
    return await Promise.race([event, late]);
  } finally {
    clearTimeout(timer);
  }
}
