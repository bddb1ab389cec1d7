import { Problem } from '../../../core/errors.ts';
import { count, printable } from '../../../core/text.ts';
import { cutWithCanary } from '../../apply/batches.ts';
import { changesNothing, type HostPlan } from '../../apply/host-plan.ts';
import { planJson } from '../../apply/json.ts';
import { formatPlans, summaryLine } from '../../apply/show.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import type { Host } from '../../fleet-file/model.ts';
import { type Ending, type HostWork, onHosts, printProblem } from '../../install/hosts.ts';
import { askPerson, isOnTerminal } from '../../runs/prompts.ts';
import type { ApplyOptions } from './options.ts';

/** The state of one host. */
export type PlanEnding = Ending<HostPlan, { readonly node: string; readonly host: Host }>;

/** Shows the plans, asks, and carries them out. */
export async function proceed(
  endings: readonly PlanEnding[],
  plans: readonly HostPlan[],
  options: ApplyOptions,
  context: CliContext,
): Promise<number> {
  const json = options.json === true;
  for (const ending of endings) if ('problem' in ending && !json) printProblem(ending.target, ending.problem, context);
  const { err } = context;
  for (const plan of plans) for (const warning of plan.warnings) err(printable(`warning: ${plan.node}: ${warning}`));
  const failed = endings.length - plans.length;
  const changed = plans.filter((plan) => !changesNothing(plan));
  const kept = plans.some((plan) => plan.kept.length > 0);
  const ending = kept ? exitCode.someFailed : exitCode.ok;
  if (json && (options.dryRun === true || failed > 0 || changed.length === 0)) context.out(planJson(endings));
  if (!json) for (const line of formatPlans(plans)) context.out(printable(line));
  if (context.signal.aborted) return exitCode.interrupted;
  if (failed > 0) {
    err(`nothing was changed: ${count(failed, 'host')} could not be checked; name the others with --host to go ahead`);
    return exitCode.someFailed;
  }
  if (changed.length === 0) {
    if (!json) context.out(nothingToDo(plans, kept));
    return ending;
  }
  if (!json) context.out(summaryLine(plans));
  if (options.dryRun === true) return ending;
  if (!(await isAgreed(changed.length, options, context))) {
    throw new Problem('not-agreed', 'nothing was changed', 'apply it again, or with --yes');
  }
  return (await changeHosts(changed, options, context)) ?? ending;
}

function nothingToDo(plans: readonly HostPlan[], kept: boolean): string {
  if (kept) return 'nothing to do except in files that others changed: --replace overwrites them';
  return `nothing to do: ${count(plans.length, 'host is', 'hosts are')} as fleet.yaml says`;
}

/** A job without a terminal has agreed by its command. */
async function isAgreed(hosts: number, { yes, json }: ApplyOptions, context: CliContext): Promise<boolean> {
  if (yes === true || json === true || !isOnTerminal(context)) return true;
  return await askPerson(`Change ${count(hosts, 'host')}?`, context.signal, context);
}

/**
 * A canary first, then the others in batches; a failure or an interruption stops the next batch.
 * @returns the exit code of a failure or an interruption; undefined if all succeeded
 */
async function changeHosts(
  plans: readonly HostPlan[],
  options: ApplyOptions,
  context: CliContext,
): Promise<number | undefined> {
  const { out, err, last } = context;
  const batches = cutWithCanary(plans, options.batch);
  const results: object[] = [];
  for (const [index, batch] of batches.entries()) {
    const work: HostWork<Awaited<ReturnType<HostPlan['carryOut']>>, HostPlan> = {
      title: index === 0 ? 'the first host' : `batch ${index} of ${batches.length - 1}`,
      parallel: options.parallel,
      work: (plan, onPhase) => plan.carryOut(onPhase),
      onEnd: (ending) => {
        if ('problem' in ending) return printProblem(ending.target, ending.problem, context);
        for (const warning of ending.result.warnings) err(printable(`warning: ${ending.target.node}: ${warning}`));
        const but = ending.target.kept.length > 0 ? ', except for files that others changed' : '';
        if (options.json !== true) out(`${ending.target.node} is as fleet.yaml says${but}`);
      },
    };
    const endings = await onHosts(batch, work, context);
    results.push(...endings.map((ending) => resultJson(ending)));
    const failed = endings.filter((ending) => 'problem' in ending);
    const untouched = batches.slice(index + 1).flat();
    if (failed.length === 0 && !context.signal.aborted) continue;
    results.push(...untouched.map(({ node }) => ({ host: node, state: 'untouched' })));
    if (options.json === true) out(JSON.stringify({ hosts: results }, null, 2));
    if (untouched.length > 0) err(`not touched: ${untouched.map(({ node }) => node).join(', ')}`);
    const isInterrupted = context.signal.aborted;
    last(isInterrupted ? 'to continue: apply again' : 'to continue: correct the cause, then apply again');
    return isInterrupted ? exitCode.interrupted : exitCode.someFailed;
  }
  if (options.json === true) out(JSON.stringify({ hosts: results }, null, 2));
  return undefined;
}

function resultJson(ending: Ending<{ readonly warnings: readonly string[] }, HostPlan>): object {
  const host = ending.target.node;
  if ('result' in ending) return { host, way: ending.target.way, state: 'changed', warnings: ending.result.warnings };
  const { code, message, hint } = ending.problem;
  return { host, way: ending.target.way, state: 'failed', code, message, hint };
}
