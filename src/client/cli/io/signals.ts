/** How signals end a command: the first one orderly, the second one at once. */

export interface Signals {
  /** Aborted by the first signal, with its meaning in words as the reason. Signals are caught from the first call on. */
  readonly stop: () => AbortSignal;
  /** Aborted by the second one. */
  readonly kill: AbortSignal;
}

/** The meaning of each signal, for the journal and notifications. */
const meanings = {
  SIGINT: 'Ctrl-C',
  SIGTERM: 'SIGTERM',
  SIGHUP: 'SIGHUP: the terminal was closed',
} as const;

type Caught = keyof typeof meanings;

export function watchSignals(env: Readonly<NodeJS.ProcessEnv>): Signals {
  const stop = new AbortController();
  const kill = new AbortController();
  let watching = false;
  const onSignal = (name: Caught) => {
    // A closed terminal sends SIGHUP more than once (the kernel and the shell): only a person asks twice.
    if (stop.signal.aborted && name !== 'SIGHUP') kill.abort(meanings[name]);
    stop.abort(meanings[name]);
  };
  return {
    stop: () => {
      if (!watching) {
        for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => onSignal(name));
        process.on('SIGHUP', isUnderNohup(env) ? () => {} : () => onSignal('SIGHUP'));
      }
      watching = true;
      return stop.signal;
    },
    kill: kill.signal,
  };
}

/** Node.js resets ignored signals when it starts, so nohup(1) is recognized by the variable that shells set. */
function isUnderNohup({ _: launcher = '' }: Readonly<NodeJS.ProcessEnv>): boolean {
  return /(^|\/)nohup$/.test(launcher);
}
