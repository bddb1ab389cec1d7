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
