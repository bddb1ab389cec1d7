import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../../../core/request/seal.ts';
import { type ActionDdl, actionOf, type Ddl, sensitiveInputs } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { suggest } from '../../../core/text.ts';
import type { Findings } from '../../../discovery/directory.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { cutBatches } from '../../fleet/batches.ts';
import { callNode } from '../../fleet/call-node.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit-codes.ts';
import { fanOut } from '../../fleet/fan-out.ts';
import { readInput } from '../../cli/read-input.ts';
import { learnDdl } from '../../fleet/learn-ddl.ts';
import { startLive } from '../../render/live.ts';
import { tellMissing } from '../../render/missing.ts';
import { chooseDisplay, outcomeJson, renderOutcomes, shows } from '../../render/outcomes.ts';
import { findDdl, openSession, type Session } from '../../fleet/session.ts';
import { parseSeconds, readTargetOptions, type TargetOptions } from '../../cli/target-options.ts';

interface RpcOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly batch?: string;
  readonly batchSleep?: string;
  readonly display?: string;
  readonly senders?: boolean;
}

interface RpcWords {
  readonly agent: string;
  readonly action: string;
  readonly inputs: readonly string[];
  readonly options: RpcOptions;
}

interface Plan {
  readonly agent: string;
  readonly action: string;
  readonly description: ActionDdl;
  readonly input: JsonObject;
  readonly dryRun: boolean;
}

/**
 * Calls one action on all nodes that match; the whole of the input is checked before any is called.
 * The nodes themselves describe an agent that is not built in.
 */
export async function runRpc(words: RpcWords, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  const { options } = words;
  const known = findDdl(catalogue, words.agent);
  const planned = known === undefined ? undefined : makePlan(words, known);
  const pause = options.batchSleep === undefined ? 0 : parseSeconds(options.batchSleep) * 1000;
  cutBatches([], options.batch);
  const session = await openSession(options, context);
  try {
    const targets = readTargetOptions(options, known?.name ?? words.agent);
    const findings = await session.find(targets, { full: planned === undefined });
    const plan = planned ?? makePlan(words, learnDdl(words.agent, findings.nodes, catalogue, context));
    const display = chooseDisplay(options.display, plan.description);
    const began = performance.now();
    const outcomes = await callAll(plan, findings.nodes, targets, session, { batch: options.batch, pause }, context);
    const times = { discovery: findings.elapsed, calls: performance.now() - began };
    if (options.json === true) context.out(JSON.stringify(outcomes.map(outcomeJson), null, 2));
    else if (options.senders === true) for (const { node } of outcomes.filter(isOk)) context.out(node);
    else
      renderOutcomes(
        outcomes.filter((outcome) => shows(display, outcome)),
        outcomes,
        plan.description,
        times,
        context,
      );
    tellMissing(findings, context);
    return exitFor({ outcomes, broken: findings.broken.length, silent: findings.silent.length });
  } finally {
    await session.close();
  }
}

function isOk({ outcome }: Outcome): boolean {
  return outcome === 'ok';
}

function makePlan({ agent, action, inputs, options }: RpcWords, ddl: Ddl): Plan {
  const description = actionOf(ddl, action);
  if (description === undefined) {
    throw new Problem(
      'usage',
      `the agent ${ddl.name} has no action “${action}”`,
      suggest(action, Object.keys(ddl.actions)),
    );
  }
  const dryRun = options.dryRun === true;
  if (dryRun && description.kind === 'change' && !description.dryRun) {
    throw new Problem('usage', `${ddl.name}.${action} can't say what it would change`);
  }
  return { agent, action, description, input: readInput(ddl, action, description, inputs), dryRun };
}

async function callAll(
  plan: Plan,
  nodes: Findings['nodes'],
  targets: TargetOptions,
  session: Session,
  { batch, pause }: { batch: string | undefined; pause: number },
  context: CliContext,
): Promise<Outcome[]> {
  const { description, input, dryRun, agent, action } = plan;
  if (description.kind === 'change') context.keepExitCode?.();
  const requestId = newId();
  const timeout = (targets.timeout ?? description.timeout + session.config.timeout) * 1000;
  const work = startLive(context).begin(`${agent}#${action}`, nodes.length);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const call = (name: string) => {
    work.tell(name, '');
    return callNode(
      (byName.get(name) as FoundNode).connection,
      {
        requestId,
        try: 1,
        target: name,
        agent,
        action,
        input,
        dryRun,
        sensitive: sensitiveInputs(description),
        timeToLive: 60_000,
        deadline: 0,
        runId: '',
        step: '',
        lease: '',
        fence: 0,
      },
      session.caller,
      {
        timeout,
        changes: description.kind === 'change',
        onProgress: (message) => work.tell(name, message),
        signal: context.signal,
      },
    );
  };
  const outcomes: Outcome[] = [];
  const batches = cutBatches(
    nodes.map(({ name }) => name),
    batch,
  );
  for (const [index, names] of batches.entries()) {
    if (context.signal.aborted) break;
    if (index > 0 && pause > 0) await sleep(pause, undefined, { signal: context.signal }).catch(() => {});
    outcomes.push(...(await fanOut(names, session.config.concurrency, call, ({ node }) => work.done(node))));
  }
  work.end();
  return outcomes;
}
