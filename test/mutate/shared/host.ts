// The shared process: runs a test file whenever it is asked, with the changed file and all that import it loaded again.
import { setImmediate } from 'node:timers/promises';
import { startLoadingAgain } from './load-again.ts';
import type { Answer, Order } from './shared-process.ts';

const standIn = new URL('./node-test.ts', import.meta.url).href;
const { runDescribed }: typeof import('./node-test.ts') = await import(standIn);
const loadAgain = startLoadingAgain(standIn);

let running: Order | undefined;
let stray = false;
process.on('uncaughtException', () => {
  stray = true;
});

function answer(outcome: Answer['outcome']): void {
  if (running === undefined) return;
  process.channel?.ref();
  process.send?.({ id: running.id, outcome } satisfies Answer);
  running = undefined;
}

// Nothing is left that the test could wait for: node:test counts this as a failure, too.
process.on('beforeExit', () => answer('failed'));

process.on('disconnect', () => process.exit());
process.on('message', async (order: Order) => {
  [running, stray, process.exitCode] = [order, false, undefined];
  process.channel?.unref();
  loadAgain(new Set(order.again));
  const passed = await run(order.test);
  await setImmediate();
  // A failure outside of a test may come from an earlier one.
  if (running === order) answer(stray || process.exitCode !== undefined ? 'unclear' : passed ? 'passed' : 'failed');
});

async function run(test: string): Promise<boolean> {
  try {
    await import(test);
    await runDescribed();
    return true;
  } catch {
    return false;
  }
}

process.send?.('ready');
