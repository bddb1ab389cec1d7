import { explain, Problem } from '../../../core/errors.ts';
import { enter, restore } from '../into-traffic/rule.ts';
import { setAgentCheck, setChecking, setState, setWeight } from '../servers/change.ts';
import { lineKey, lineName, type ServerLine } from '../servers/line.ts';
import { adminStateOf, isUp, type OutState } from '../servers/state.ts';

/** Milliseconds for putting everything back, after the end of the call itself. */
const putBackTimeout = 10_000;

interface Step {
  readonly line: ServerLine;
  /** The earlier state in words: `ready`, `weight 20`; empty if it is obvious. */
  readonly before: string;
  readonly restore: (signal: AbortSignal) => Promise<void>;
}

/** Changes lines and remembers what they were, to put them back. */
export interface Changes {
  /** Takes a line out. @param line as last read */
  readonly set: (line: ServerLine, state: OutState, signal: AbortSignal) => Promise<void>;
  /** Takes a line out of maintenance for its checks. @param line as last read */
  readonly check: (line: ServerLine, signal: AbortSignal) => Promise<void>;
  /** Puts a line in traffic whose check has passed. @param line as last read */
  readonly enter: (line: ServerLine, signal: AbortSignal) => Promise<void>;
  /** Switches the agent-check of a line that has one. */
  readonly setAgent: (line: ServerLine, on: boolean, signal: AbortSignal) => Promise<void>;
  /** @param weight `N` or `N%` */
  readonly weigh: (line: ServerLine, weight: string, signal: AbortSignal) => Promise<void>;
  /** Restores lines (all changed ones, if none are named) and adds the result to a Problem. */
  readonly putBack: (failure: unknown, lines?: readonly ServerLine[]) => Promise<Problem>;
}

export function trackChanges(): Changes {
  const steps = new Map<string, Step>();
  /** Lines that were down before any of their changes. */
  const down = new Set<string>();
  // Recorded before it is sent: a command whose answer was lost may have been done. The first entry is restored last.
  const note = (kind: string, step: Step) => {
    const key = `${lineKey(step.line)} ${kind}`;
    if (!steps.has(key)) steps.set(key, step);
  };
  const noteState = (line: ServerLine) => {
    const before = adminStateOf(line.server);
    const key = lineKey(line);
    if (!isUp(line.server)) down.add(key);
    note('state', { line, before, restore: (late) => restore(line, before, !down.has(key), late) });
  };
  return {
    set(line, state, signal) {
      noteState(line);
      return setState(line, state, signal);
    },
    check(line, signal) {
      noteState(line);
      return setChecking(line, signal);
    },
    enter(line, signal) {
      noteState(line);
      return enter(line, signal);
    },
    setAgent(line, on, signal) {
      note('agent', { line, before: '', restore: (late) => setAgentCheck(line, line.server.agent.enabled, late) });
      return setAgentCheck(line, on, signal);
    },
    weigh(line, weight, signal) {
      const before = line.server.weight;
      note('weight', { line, before: `weight ${before}`, restore: (late) => setWeight(line, String(before), late) });
      return setWeight(line, weight, signal);
    },
    async putBack(failure, lines) {
      const keys = lines && new Set(lines.map(lineKey));
      const undone = [...steps.values()].reverse().filter((step) => keys?.has(lineKey(step.line)) !== false);
      return describe(failure, await undoAll(undone));
    },
  };
}

interface Undone extends Step {
  readonly problem: string;
}

/** In order in each process. All have one deadline, and a process that hangs takes no time from another. */
async function undoAll(steps: readonly Step[]): Promise<Undone[]> {
  const deadline = AbortSignal.timeout(putBackTimeout);
  const byProcess = [...Map.groupBy(steps, ({ line }) => line.view.runtime).values()];
  const undoInOrder = async (some: readonly Step[]) => {
    const results: Undone[] = [];
    for (const step of some) results.push(await undo(step, deadline));
    return results;
  };
  return (await Promise.all(byProcess.map(undoInOrder))).flat();
}

async function undo(step: Step, deadline: AbortSignal): Promise<Undone> {
  try {
    await step.restore(deadline);
    return { ...step, problem: '' };
  } catch (problem) {
    return { ...step, problem: explain(problem) };
  }
}

function describe(failure: unknown, undone: readonly Undone[]): Problem {
  const { code, message, hint } =
    failure instanceof Problem ? failure : new Problem('haproxy-failed', explain(failure));
  const left = undone.filter(({ problem }) => problem !== '');
  const back = undone.filter(({ problem, before }) => problem === '' && before !== '');
  const backNames = new Set(back.reverse().map(({ line, before }) => `${lineName(line)} to ${before}`));
  const outcomes = [
    ...(backNames.size === 0 ? [] : [`put back: ${[...backNames].join(', ')}`]),
    ...left.map(
      ({ line, before, problem }) =>
        `${lineName(line)} not put back to ${before || 'its agent-check'} at ${line.view.runtime.name} (${problem})`,
    ),
  ];
  return new Problem(code, [message, ...outcomes].join('; '), hint, { cause: failure });
}
