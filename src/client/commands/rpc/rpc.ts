import type { ActionDdl, Ddl } from '../../../core/ddl/ddl.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { newId } from '../../../core/request/request.ts';
import { printable } from '../../../core/text.ts';
import { cutBatches } from '../../../library/fleet/batches.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit/exit-codes.ts';
import { tableOf } from '../../cli/io/format.ts';
import { readInput } from '../../cli/read-input.ts';
import { type Plan, callAgent } from '../../../library/fleet/call-agent.ts';
import { requireAction, findDdl } from '../../../library/fleet/agents.ts';
import { paintFor } from '../../render/color.ts';
import { printMissing } from '../../render/missing.ts';
import {
  chooseDisplay,
  type Display,
  outcomeJson,
  outcomeLines,
  renderOutcomes,
  shows,
} from '../../render/outcomes.ts';
import { refuseWaiting, renderDetached } from './detached.ts';
import { openSession } from '../../fleet/session.ts';
import { parseSeconds, readTargetOptions } from '../../cli/target-options.ts';

interface RpcOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly batch?: string;
  readonly batchSleep?: string;
  readonly display?: string;
  readonly senders?: boolean;
  readonly detach?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly table?: boolean;
  readonly sort?: boolean;
}

interface RpcArguments {
  readonly agent: string;
  readonly action: string;
  readonly inputs: readonly string[];
  readonly options: RpcOptions;
}

/**
 * Calls one action on all nodes that match; the whole input is checked before any is called. The nodes themselves
 * describe an agent that is not built in.
 */
export async function runRpc(words: RpcArguments, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  const { options } = words;
  refuseWaiting(options);
  const known = findDdl(catalogue, words.agent);
  const planned = known === undefined ? undefined : makePlan(words, known);
  const pause = options.batchSleep === undefined ? 0 : parseSeconds(options.batchSleep) * 1000;
  cutBatches([], options.batch);
  const session = await openSession(options, context);
  try {
    const targets = readTargetOptions(options, known?.name ?? words.agent);
    const batching = { batch: options.batch, pause };
    const arriving = startArriving(options, context);
    const planFor = (ddl: Ddl) => makePlan(words, ddl);
    const { agent } = words;
    const called = await callAgent(
      { agent, planned, plan: planFor, targets, batching, onOutcome: arriving.show, signal: context.signal },
      session,
      catalogue,
    );
    const { plan, findings, elapsed, isCutOff } = called;
    const outcomes = options.sort === true ? called.outcomes.toSorted(byNode) : called.outcomes;
    const code = exitFor({
      // Replies that all are good do not make a call good that did not reach every node.
      outcomes: isCutOff ? [...outcomes, { outcome: 'cancelled' }] : outcomes,
      broken: findings.broken.length,
      silent: findings.silent.length,
    });
    if (plan.detach !== undefined) {
      renderDetached(plan, plan.detach, outcomes, options, context);
      printMissing(findings, context, options);
      return code;
    }
    const display = displayOf(options, plan.description);
    const times = { discovery: findings.elapsed, calls: elapsed };
    if (options.json === true) context.out(JSON.stringify(outcomes.map(outcomeJson), null, 2));
    else if (options.senders === true) for (const { node } of outcomes.filter(isOk)) context.out(node);
    else
      renderOutcomes(
        outcomes.filter((outcome) => shows(display, outcome) && !arriving.shown.has(outcome.node)),
        outcomes,
        plan.description,
        { ...times, ...options },
        context,
      );
    if (isCutOff) context.err('mco-deploy: interrupted: not every node was called');
    if (!context.signal.aborted) printMissing(findings, context, options);
    return code;
  } finally {
    await session.close();
  }
}

/** Shows replies as they arrive, on a terminal; elsewhere all are shown at the end, in the order of the nodes' names. */
interface Arriving {
  readonly shown: ReadonlySet<string>;
  readonly show: (plan: Plan) => (outcome: Outcome) => void;
}

function startArriving(options: RpcOptions, context: CliContext): Arriving {
  const { isTerminal, out } = context;
  const { json, senders, table, sort, detach } = options;
  const shown = new Set<string>();
  const isWhole = [json, senders, table, sort, detach].includes(true) || tableOf(options) !== undefined;
  if (!isTerminal || isWhole) return { shown, show: () => () => {} };
  const show = ({ description }: Plan) => {
    const display = displayOf(options, description);
    return (outcome: Outcome) => {
      if (!shows(display, outcome) || shown.has(outcome.node)) return;
      shown.add(outcome.node);
      for (const line of outcomeLines(outcome, description, { ...options, paint: paintFor(context) }))
        out(printable(line));
    };
  };
  return { shown, show };
}

/** With -v, every reply is shown. */
function displayOf({ display, verbose }: RpcOptions, description: ActionDdl): Display {
  return chooseDisplay(display ?? (verbose === true ? 'all' : undefined), description);
}

function byNode(a: Outcome, b: Outcome): number {
  return a.node < b.node ? -1 : 1;
}

function isOk({ outcome }: Outcome): boolean {
  return outcome === 'ok';
}

function makePlan({ agent, action, inputs, options }: RpcArguments, ddl: Ddl): Plan {
  const dryRun = options.dryRun === true;
  const description = requireAction(ddl, action, dryRun);
  const plan = { agent, action, description, input: readInput(ddl, action, description, inputs), dryRun };
  return options.detach === true ? { ...plan, detach: newId() } : plan;
}
