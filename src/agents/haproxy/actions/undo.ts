import { explain, Problem } from '../../../core/errors.ts';
import { type BackendView, setState, setWeight } from '../servers/backend.ts';
import { type AdminState, adminStateOf, type Server } from '../servers/server.ts';

/** Milliseconds for putting everything back, once the call itself may be over. */
const putBackTimeout = 10_000;

interface Step {
  readonly view: BackendView;
  readonly server: string;
  /** What it was, in words: `ready`, `weight 20`. */
  readonly before: string;
  readonly restore: (signal: AbortSignal) => Promise<void>;
}

/** Changes servers and remembers what they were, to put them back. */
export interface Changes {
  /** Sets a server's state on one socket. */
  readonly set: (view: BackendView, server: string, state: AdminState, signal: AbortSignal) => Promise<void>;
  /** Sets a server's weight on one socket: `N` or `N%`. */
  readonly weigh: (view: BackendView, server: string, weight: string, signal: AbortSignal) => Promise<void>;
  /** Puts servers back (all that were changed, when not told which) and says in a Problem what became of them. */
  readonly putBack: (failure: unknown, servers?: ReadonlySet<string>) => Promise<Problem>;
}

export function trackChanges(): Changes {
  const steps = new Map<string, Step>();
  const note = (view: BackendView, name: string, toStep: (found: Server) => Pick<Step, 'before' | 'restore'>) => {
    const key = `${view.runtime.name}\0${name}`;
    const found = view.servers.find((server) => server.name === name);
    // Noted before it is sent: a command whose answer got lost may have been done.
    if (!steps.has(key) && found !== undefined) steps.set(key, { view, server: name, ...toStep(found) });
  };
  return {
    set(view, server, state, signal) {
      note(view, server, (found) => {
        const before = adminStateOf(found);
        return { before, restore: (late) => setState(view, server, before, late) };
      });
      return setState(view, server, state, signal);
    },
    weigh(view, server, weight, signal) {
      note(view, server, (found) => {
        const restore = (late: AbortSignal) => setWeight(view, server, String(found.weight), late);
        return { before: `weight ${found.weight}`, restore };
      });
      return setWeight(view, server, weight, signal);
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
  try {
    await step.restore(AbortSignal.timeout(putBackTimeout));
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
