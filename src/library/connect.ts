import type { Ddl } from '../core/ddl/ddl.ts';
import { Problem } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { CallOptions, ConnectOptions, Fleet } from './api.ts';
import { readTrail } from './audit/trail.ts';
import { startCall } from './calls.ts';
import { orCancelled } from './cancelled.ts';
import { startFeed } from './feed.ts';
import { openSession, type Session } from './fleet/session.ts';
import { unseen, type Environment } from './fleet/environment.ts';
import { foundOf } from './found.ts';
import { startRun } from './start-run.ts';
import { targetsOf } from './targets.ts';

/**
 * Connects a program to its fleet, as the operator whose certificate client.yaml names. It asks no node yet.
 * @param catalogue the built-in agents
 * @throws Problem `not-configured`, `bad-configuration`, `expired-certificate`, …
 */
export async function connectWith(catalogue: readonly Ddl[], options: ConnectOptions = {}): Promise<Fleet> {
  const { config, via, env = process.env, signal: userSignal, onWarning = () => {} } = options;
  const closing = new AbortController();
  const signal = userSignal === undefined ? closing.signal : AbortSignal.any([closing.signal, userSignal]);
  const environment: Environment = { ...unseen, env, signal, warn: onWarning, hasInput: false, list: async () => '' };
  const session = await openSession(
    { ...(config === undefined ? {} : { config }), ...(via === undefined ? {} : { via }) },
    environment,
  );
  return fleetOver(session, catalogue, closing);
}

function fleetOver(session: Session, catalogue: readonly Ddl[], closing: AbortController): Fleet {
  const running = new Set<Promise<unknown>>();
  const { signal: environment } = session.environment;
  let closed: Promise<void> | undefined;
  /** Begins work that `close()` cancels and waits for; fails with `closed` after that. */
  const begin = <Work extends Promise<unknown>>(
    callSignal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Work,
  ): Work => {
    // The promise reports it to the caller.
    if (isClosed()) return startFeed(() => Promise.reject(afterClose())) as unknown as Work;
    const begun = work(callSignal === undefined ? environment : AbortSignal.any([environment, callSignal]));
    running.add(begun);
    // The caller receives its failure.
    begun.then(
      () => running.delete(begun),
      () => running.delete(begun),
    );
    return begun;
  };
  const isClosed = () => closed !== undefined || environment.aborted;
  const close = async () => {
    closing.abort();
    await Promise.allSettled(running);
    await session.close();
  };
  const fleet: Fleet = {
    operator: session.caller.credentials.identity.name,
    find: async (filter = {}, options = {}) =>
      begin(options.signal, async (signal) => {
        const { facts = ['*'] } = options;
        const targets = targetsOf(filter, options);
        return foundOf(await orCancelled(signal, () => session.find(targets, { facts, keep: false, signal })));
      }),
    call: ((agent: string, action: string, input: JsonObject, options: CallOptions = {}) =>
      begin(options.signal, (signal) =>
        startCall({ agent, action, input, options }, session, catalogue, signal),
      )) as unknown as Fleet['call'],
    run: (name, inputs = {}, options = {}) =>
      begin(options.signal, (signal) => startRun({ name, inputs, options }, session, catalogue, signal)),
    audit: async function* (options = {}) {
      if (isClosed()) throw afterClose();
      yield* readTrail(
        options,
        session,
        catalogue,
        options.signal === undefined ? environment : AbortSignal.any([environment, options.signal]),
      );
    },
    close: () => (closed ??= close()),
    [Symbol.asyncDispose]: () => fleet.close(),
  };
  return fleet;
}

function afterClose(): Problem {
  return new Problem('closed', 'the connection to the fleet was closed', 'call connect() again, or close it later');
}
