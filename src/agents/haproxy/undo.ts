import { explain, Problem } from '../../core/errors.ts';
import { type BackendView, setState } from './backend.ts';
import { type AdminState, adminStateOf } from './server.ts';

/** Milliseconds for putting everything back, once the call itself may be over. */
const putBackTimeout = 10_000;

interface Step {
  readonly view: BackendView;
  readonly server: string;
  readonly before: AdminState;
}

/** Sets servers' states and remembers what they were, to put them back. */
export interface Changes {
  /** Sets a server's state on one socket. */
  readonly set: (view: BackendView, server: string, state: AdminState, signal: AbortSignal) => Promise<void>;
  /** Puts servers back (all that were changed, when not told which) and says in a Problem what became of them. */
  readonly putBack: (failure: unknown, servers?: ReadonlySet<string>) => Promise<Problem>;
}

export function trackChanges(): Changes {
  const steps = new Map<string, Step>();
  return {
    set(view, server, state, signal) {
      const key = `${view.runtime.name}\0${server}`;
      const found = view.servers.find(({ name }) => name === server);
      // Noted before it is sent: a command whose answer got lost may have been done.
      if (!steps.has(key) && found !== undefined) steps.set(key, { view, server, before: adminStateOf(found) });
      return setState(view, server, state, signal);
    },
    async putBack(failure, servers) {
      const undone = [...steps.values()].filter((step) => servers === undefined || servers.has(step.server));
      return describe(failure, await Promise.all(undone.map(undo)));
    },
  };
}

interface Undone extends Step {
  readonly problem: string;
}

async function undo(step: Step): Promise<Undone> {
  const { view, server, before } = step;
  try {
    await setState(view, server, before, AbortSignal.timeout(putBackTimeout));
    return { ...step, problem: '' };
  } catch (problem) {
    return { ...step, problem: explain(problem) };
  }
}

function describe(failure: unknown, undone: readonly Undone[]): Problem {
  const { code, message, hint } =
    failure instanceof Problem ? failure : new Problem('haproxy-failed', explain(failure));
  const left = undone.filter(({ problem }) => problem !== '');
  const back = new Set(
    undone.filter(({ problem }) => problem === '').map(({ server, before }) => `${server} to ${before}`),
  );
  const said = [
    ...(back.size === 0 ? [] : [`put back: ${[...back].join(', ')}`]),
    ...left.map(
      ({ server, view, before, problem }) => `${server} not put back to ${before} at ${view.runtime.name} (${problem})`,
    ),
  ];
  return new Problem(code, [message, ...said].join('; '), hint, { cause: failure });
}
