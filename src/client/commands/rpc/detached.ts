/** Detached calls. */
import { Problem } from '../../../core/errors.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { count } from '../../../core/text.ts';
import type { Plan } from '../../../library/fleet/call-agent.ts';
import type { CliContext } from '../../cli/context.ts';
import { indented } from '../../render/missing.ts';
import { outcomeJson } from '../../render/outcomes.ts';

interface DetachOptions {
  readonly detach?: boolean;
  readonly dryRun?: boolean;
  readonly batch?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** @throws Problem `usage` for options that only make sense when replies are awaited */
export function refuseWaiting({ detach, dryRun, batch }: DetachOptions): void {
  if (detach !== true) return;
  if (batch !== undefined) throw new Problem('usage', '--detach does not wait, so --batch cannot: use one of the two');
  if (dryRun === true)
    throw new Problem('usage', '--dry-run shows what would change, so --detach cannot: use one of the two');
}

/** Prints the id of the job first, because a script continues with it. */
export function renderDetached(
  { agent, action }: Plan,
  job: string,
  outcomes: readonly Outcome[],
  { json, quiet }: DetachOptions,
  { out, err, last }: CliContext,
): void {
  if (json === true) {
    out(JSON.stringify({ job, outcomes: outcomes.map(outcomeJson) }, null, 2));
    return;
  }
  const running = outcomes.filter(({ code }) => code === 'detached').length;
  // Where no node was called, no job has the id.
  if (outcomes.length === 0) return;
  if (quiet === true) out(job);
  else if (running > 0) out(`job ${job}: ${agent}.${action} runs on ${count(running, 'node')}`);
  for (const { node, outcome, code, message, hint } of outcomes) {
    if (outcome !== 'ok') err(`${node}: ${indented(message)}${hint === '' ? '' : `: ${hint}`}`);
    else if (code !== 'detached') err(`${node}: the node does not know --detach: the action has ended there`);
  }
  if (running > 0 && quiet !== true) last(`to wait for it: mco-deploy jobs wait ${job}`);
}
