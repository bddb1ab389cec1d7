import type { Ddl } from '../../../core/ddl/ddl.ts';
import { printable } from '../../../core/text.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit/exit-codes.ts';
import { indented, printMissing } from '../../render/missing.ts';
import { formatOut, type OutServer, readRotation } from '../../runs/rotation.ts';
import { type CallRecord, formatInputs, type RunRecord, type StepRecord } from '../../runs/record.ts';
import { openSession } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { type ReadRunOptions, readRecordedRun } from './read-run.ts';

interface ShowOptions extends ReadRunOptions {
  readonly verbose?: boolean;
}

/** Prints what a run did, and which servers its load balancers keep out now. */
export async function showRun(
  id: string,
  options: ShowOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { record } = await readRecordedRun(id, options, catalogue, context);
  const balancers = balancersOf(record);
  const asks = options.offline !== true && balancers.length > 0;
  const { out, code } = asks
    ? await askBalancers(balancers, options, catalogue, context)
    : { out: undefined, code: exitCode.ok };
  if (options.json === true) context.out(JSON.stringify(asJson(record, out), null, 2));
  else {
    for (const line of formatRecord(record, out, options.verbose === true)) context.out(printable(line));
    const next = nextOf(record);
    if (next !== undefined) context.last(printable(next), 'out');
  }
  return code;
}

/** The nodes on which the run may have taken servers out of traffic. */
function balancersOf({ steps }: RunRecord): string[] {
  const calls = steps.flatMap((step) => step.calls);
  return [...new Set(calls.filter(({ agent, dryRun }) => agent === 'haproxy' && !dryRun).map(({ node }) => node))];
}

async function askBalancers(
  balancers: readonly string[],
  options: ShowOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<{ out: readonly OutServer[]; code: number }> {
  const session = await openSession(options, context);
  try {
    const { filter, ...targets } = readTargetOptions(options, 'haproxy');
    const selection = { ...targets, filter: { ...filter, identities: [...balancers] } };
    const findings = await session.find(selection, { expect: balancers });
    const { out, outcomes } = await readRotation(findings.nodes, session, catalogue, context.signal);
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
    printMissing(findings, context, options);
    return { out, code: exitFor({ outcomes, broken: findings.broken.length, silent: findings.silent.length }) };
  } finally {
    await session.close();
  }
}

const endings: Readonly<Record<string, string>> = {
  running: 'it is still running',
  'cut-off': 'it was killed: its process is gone',
  'nothing-to-do': 'there was nothing to do',
};

function formatRecord(record: RunRecord, out: readonly OutServer[] | undefined, verbose: boolean): string[] {
  const { run, playbook, operator, began, last, state, inputs, steps, dryRun } = record;
  const when = `began ${new Date(began).toISOString()}, last entry ${new Date(last).toISOString()}`;
  return [
    `run ${run}`,
    `  ${playbook} by ${operator}${dryRun ? ', a dry run' : ''}: ${formatInputs(inputs)}`,
    `  ${when}: ${endings[state] ?? state}`,
    ...steps.flatMap((step) => formatStep(step, verbose)),
    ...formatOutNow(out),
  ];
}

/** The line with the next command: as the run ended, since one that changed nothing starts again. */
function nextOf({ run, state, dryRun, next }: RunRecord): string | undefined {
  if (dryRun || !['cut-off', 'failed', 'interrupted'].includes(state)) return undefined;
  return next ?? `to continue where it stopped: mco-deploy resume ${run}`;
}

function formatStep({ step, state, calls }: StepRecord, verbose: boolean): string[] {
  const titles = [...new Set(calls.map(({ agent, action }) => `${agent}.${action}`))].join(', ');
  const head = `  ${step.padEnd(24)} ${state.padEnd(11)} ${titles}`.trimEnd();
  const shown = calls.filter(({ outcome }) => verbose || state !== 'done' || outcome !== 'ok');
  return [head, ...shown.map((call) => formatCall(call, verbose))];
}

function formatCall({ node, outcome, code, message, data, try: attempt }: CallRecord, verbose: boolean): string {
  const why = message === '' ? '' : `: ${message}${code === '' ? '' : ` (${code})`}`;
  const what = outcome === 'unknown' ? 'called; its result is not known' : `${outcome}${why}`;
  const suffix = verbose ? ` ${JSON.stringify(data).slice(0, 300)}` : '';
  return `    ${node.padEnd(38)} try ${attempt}  ${what}${suffix}`;
}

function formatOutNow(out: readonly OutServer[] | undefined): string[] {
  if (out === undefined) return [];
  if (out.length === 0) return ['out of rotation now: none'];
  return ['out of rotation now:', ...out.map((server) => `  ${formatOut(server)}`)];
}

function asJson({ began, last, dryRun, steps, next: _next, ...run }: RunRecord, out: readonly OutServer[] | undefined) {
  return {
    ...run,
    dry_run: dryRun,
    began: new Date(began).toISOString(),
    last: new Date(last).toISOString(),
    steps: steps.map(({ calls, ...step }) => ({
      ...step,
      calls: calls.map(({ dryRun: asked, ...call }) => ({ ...call, dry_run: asked })),
    })),
    out_of_rotation: out ?? null,
  };
}
