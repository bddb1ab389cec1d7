import { mock } from 'node:test';

const replaceable = { setTimeout, setInterval, setImmediate, clearTimeout, queueMicrotask, fetch, Date } as const;

/** What one test file could leave changed for the next one in its process. */
export function stateOfProcess() {
  const now = globalThis as unknown as Record<string, unknown>;
  return {
    environment: { ...process.env },
    directory: process.cwd(),
    umask: process.umask(),
    exitCode: process.exitCode,
    user: process.getuid?.(),
    replaced: Object.entries(replaceable).flatMap(([name, real]) => (now[name] === real ? [] : [name])),
    clocks: [performance.now, AbortSignal.timeout],
    output: [process.stdout.write, process.stderr.write, process.kill, process.exit],
    listeners: Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)])),
  };
}

const { now } = performance;
const { timeout } = AbortSignal;

/**
 * Empties the list of what the files before have mocked: what is restored stays on it, and mock.restoreAll() in a later
 * file would put back what it replaced then, which may have been a mock, too.
 */
export function forgetMocks(): void {
  mock.reset();
  Object.assign(globalThis, replaceable);
  Object.assign(performance, { now });
  Object.assign(AbortSignal, { timeout });
}
