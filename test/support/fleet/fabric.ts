import { testProblem } from '../test-problem.ts';
import { Problem } from '../../../src/core/errors.ts';
import { matchesFilter, parseFilter } from '../../../src/core/filter/filter.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { NodeFacts } from '../../../src/core/node.ts';
import { failure, type Outcome, okReply, type ReplyContent, refusal } from '../../../src/core/request/reply.ts';
import type { FilterTerms } from '../../../src/core/wire/messages.ts';
import type { RunEvent } from '../../../src/playbook/events/events.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';
import type { Discovered, NodeCall, PlaybookPorts } from '../../../src/playbook/ports.ts';

/** A node's handler of a call: returns its output, or throws a Problem. */
export type Behaviour = (input: JsonObject, call: NodeCall & { readonly node: string }) => JsonObject;

export interface FabricNode extends Partial<NodeFacts> {
  readonly name: string;
  /** By `agent.action`. */
  readonly actions?: Readonly<Record<string, Behaviour>>;
}

/** A fault to inject: silence, a refusal or a failure, on a node, for an action, on the named tries (default: all). */
export interface Trouble {
  readonly node: string;
  readonly call: string;
  readonly kind: 'no-response' | 'refused' | 'failed';
  readonly tries?: readonly number[];
  readonly code?: string;
}

export interface Fabric {
  readonly ports: PlaybookPorts;
  readonly events: RunEvent[];
  readonly journal: JournalEntry[];
  readonly calls: NodeCall[];
  readonly discovered: { filter: FilterTerms; atLeast: number }[];
  /** Everything in the order it happened: `journal call update`, `call update try 1: a b`, … */
  readonly log: string[];
  readonly slept: number[];
}

export interface FabricOptions {
  readonly troubles?: readonly Trouble[];
  readonly silent?: Discovered['silent'];
  readonly broken?: Discovered['broken'];
  readonly hints?: readonly string[];
  /** Called before each call; may abort a signal, say. */
  readonly onCall?: (call: NodeCall) => void;
  readonly onSleep?: (milliseconds: number) => void;
  /** Throws where the journal is to fail. */
  readonly onJournal?: (entry: JournalEntry) => void;
}

/** A fleet in memory with its own clock, on which sleeping takes no time. */
export function createFabric(nodes: readonly FabricNode[], options: FabricOptions = {}): Fabric {
  const events: RunEvent[] = [];
  const journal: JournalEntry[] = [];
  const calls: NodeCall[] = [];
  const discovered: { filter: FilterTerms; atLeast: number }[] = [];
  const log: string[] = [];
  const slept: number[] = [];
  let clock = Date.UTC(2026, 0, 1);
  let ids = 0;
  const ports: PlaybookPorts = {
    operator: 'rip',
    now: () => clock,
    clock: () => clock,
    newId: () => (++ids).toString(16).padStart(32, '0'),
    emit: (event) => {
      events.push(event);
    },
    journal: async (entry) => {
      await Promise.resolve();
      options.onJournal?.(entry);
      journal.push(entry);
      log.push(
        `journal ${entry.type}${'step' in entry ? ` ${entry.step}` : ''}${'node' in entry ? ` ${entry.node}` : ''}`,
      );
    },
    sleep: async (milliseconds) => {
      options.onSleep?.(milliseconds);
      slept.push(milliseconds);
      clock += milliseconds;
    },
    discover: async (query) => {
      discovered.push(query);
      const found = nodes.filter((node) => matches(node, query.filter)).map(describe);
      const wanted = new Set(nodes.filter((node) => matches(node, query.filter)).map(({ name }) => name));
      const absent = (options.silent ?? []).filter(({ name }) => wanted.has(name));
      const broken = (options.broken ?? []).filter(({ name }) => wanted.has(name));
      const gone = new Set([...absent, ...broken].map(({ name }) => name));
      return { nodes: found.filter(({ name }) => !gone.has(name)), silent: absent, broken, hints: options.hints ?? [] };
    },
    call: async (call, onOutcome) => {
      options.onCall?.(call);
      calls.push(call);
      log.push(`call ${call.step} try ${call.try}: ${call.nodes.join(' ')}`);
      const outcomes: Outcome[] = [];
      for (const name of call.nodes) {
        await Promise.resolve();
        clock += 1;
        const node = nodes.find((candidate) => candidate.name === name);
        const trouble = options.troubles?.find(
          (one) =>
            one.node === name &&
            one.call === `${call.agent}.${call.action}` &&
            (one.tries === undefined || one.tries.includes(call.try)),
        );
        const outcome = { ...answer(node, call, name, trouble), node: name, elapsed: 1 } as Outcome;
        outcomes.push(outcome);
        onOutcome(outcome);
      }
      return outcomes;
    },
  };
  return { ports, events, journal, calls, discovered, log, slept };
}

/** The default handlers of a node. */
const defaults: Readonly<Record<string, Behaviour>> = {
  'rpcutil.may_i': ({ actions }) => ({ allowed: String(actions).split(','), denied: [], unknown: [] }),
};

function answer(
  node: FabricNode | undefined,
  call: NodeCall,
  name: string,
  trouble: Trouble | undefined,
): ReplyContent | (Omit<ReplyContent, 'outcome'> & { outcome: 'no-response' }) {
  if (trouble?.kind === 'no-response') {
    return { ...failure(new Problem('no-response', 'no reply within 10 s')), outcome: 'no-response' };
  }
  if (trouble?.kind === 'refused')
    return refusal(testProblem(trouble.code ?? 'policy-denied', `${name} does not let you`));
  if (trouble?.kind === 'failed') return failure(testProblem(trouble.code ?? 'broken', `${name} is broken`));
  const act =
    node?.actions?.[`${call.agent}.${call.action}`] ?? defaults[`${call.agent}.${call.action}`] ?? (() => ({}));
  try {
    return okReply(act(call.input, { ...call, node: name }));
  } catch (error) {
    if (error instanceof Problem) return failure(error);
    throw error;
  }
}

function describe({ name, agents = [], classes = [], facts = {} }: FabricNode): NodeFacts {
  return { name, agents, classes, facts };
}

function matches(node: FabricNode, filter: FilterTerms): boolean {
  return matchesFilter(parseFilter(filter), describe(node));
}
