/**
 * Sees every timer and every watched file that the code under `src/` begins in this process. Import this before the code under
 * test.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';

const begun = new Map<unknown, string>();

/** The place in `src/` that begins it; undefined for others. */
function placeOf(stack = ''): string | undefined {
  return /\/(src\/[^)\s]+)/.exec(stack)?.[1];
}

function note(key: unknown, what: string): void {
  const place = placeOf(new Error().stack);
  if (place !== undefined) begun.set(key, `${what} of ${place}`);
}

const [realInterval, realTimeout] = [globalThis.setInterval, globalThis.setTimeout];
globalThis.setInterval = ((...args: Parameters<typeof realInterval>) => {
  const timer = realInterval(...args);
  note(timer, 'interval');
  return timer;
}) as typeof setInterval;
globalThis.setTimeout = ((act: (...args: unknown[]) => void, ...rest: unknown[]) => {
  const fire = (...args: unknown[]) => {
    begun.delete(timer);
    act(...args);
  };
  const timer = realTimeout(fire, ...(rest as [number]));
  note(timer, 'timeout');
  return timer;
}) as typeof setTimeout;
for (const name of ['clearInterval', 'clearTimeout'] as const) {
  const real = globalThis[name];
  globalThis[name] = (timer) => {
    begun.delete(timer);
    real(timer);
  };
}

const files = createRequire(import.meta.url)('node:fs') as Record<string, (...args: unknown[]) => unknown>;
const [watchFile, unwatchFile] = [files.watchFile, files.unwatchFile] as const;
const listeners = new Map<unknown, Set<string>>();
files.watchFile = (...args) => {
  const listener = args.at(-1);
  const paths = listeners.get(listener) ?? new Set();
  listeners.set(listener, paths.add(String(args[0])));
  note(listener, 'watched file');
  return watchFile?.(...args);
};
files.unwatchFile = (...args) => {
  const paths = listeners.get(args[1]);
  paths?.delete(String(args[0]));
  if (paths?.size === 0) begun.delete(args[1]);
  return unwatchFile?.(...args);
};
syncBuiltinESMExports();

/** What was begun and has neither ended nor been cleared, with its place. */
export function pendingTimers(): string[] {
  return [...begun.values()].sort();
}
