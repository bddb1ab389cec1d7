import { setTimeout as sleep } from 'node:timers/promises';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { printable } from '../../../core/text.ts';
import { noFilter } from '../../../core/filter/filter.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { indented } from '../../render/missing.ts';
import { findJob } from './find.ts';
import { actionFor, headOf, type JobsOptions, type NodeResult, outcomeOf, resultJson } from './job.ts';

interface Look {
  readonly id: string;
  readonly options: JobsOptions;
  readonly catalogue: readonly Ddl[];
  readonly session: Session;
  readonly context: CliContext;
}

/** Shows a job. @throws Problem `usage`, `unknown-job` */
export function showJob(
  typedId: string,
  options: JobsOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  return overJob(typedId, options, catalogue, context, async (nodes, look) => await read(nodes, look));
}

/** Waits until a job has ended everywhere. Ctrl-C ends only the waiting. */
export async function awaitJob(
  typedId: string,
  options: JobsOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const code = await overJob(
    typedId,
    options,
    catalogue,
    context,
    async (nodes, look) => await readUntilEnded(nodes, look),
  );
  return context.signal.aborted ? exitCode.interrupted : code;
}

/** Cancels a job where it runs, and shows the result. */
export function cancelJob(
  typedId: string,
  options: JobsOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  return overJob(typedId, options, catalogue, context, async (nodes, look) => {
    const before = await read(nodes, look);
    const running = before.results.filter(({ state }) => state === 'running').map(({ node }) => node);
    const ddl = requireDdl(catalogue, 'jobs');
    const request = { ddl, action: actionFor('cancel', options), input: () => ({ id: look.id }) };
    const targets = nodes.filter(({ name }) => running.includes(name));
    const outcomes = await callNodes(request, targets, look.session, context.signal);
    const failed = outcomes.filter(({ outcome }) => outcome !== 'ok');
    const after = await read(nodes, look);
    return { results: after.results, failed: [...failed, ...after.failed], isEnd: true };
  });
}

interface Read {
  readonly results: readonly NodeResult[];
  readonly failed: readonly Pick<Outcome, 'node' | 'outcome' | 'message'>[];
  /** True if it is enough that nothing runs any more, however it ended. */
  readonly isEnd?: boolean;
}

function overJob(
  typedId: string,
  options: JobsOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
  work: (nodes: readonly FoundNode[], look: Look) => Promise<Read>,
): Promise<number> {
  return overNodes(options, nodesOf(options, 'jobs'), context, async ({ nodes }, session) => {
    const id = await findJob(typedId, nodes, { options, catalogue, session, context });
    const { results, failed, isEnd = false } = await work(nodes, { id, options, catalogue, session, context });
    const [first] = results;
    if (first === undefined && failed.length === 0) {
      throw new Problem('unknown-job', `no node has a job ${typedId} that you may see`, 'an outcome is kept for a day');
    }
    if (options.json === true && first !== undefined) {
      context.out(JSON.stringify({ ...headOf(first), nodes: results.map(resultJson) }, null, 2));
    } else if (first !== undefined) for (const line of format(first, results)) context.out(printable(line));
    for (const { node, message } of failed) context.err(`${node}: ${indented(message)}`);
    const outcomes = isEnd
      ? results.map(({ state }) => ({ outcome: state === 'running' ? 'failed' : 'ok' }) as const)
      : results.map(outcomeOf);
    return [...outcomes, ...failed];
  });
}

/** A node that never had the job does not take part. */
async function read(nodes: readonly FoundNode[], { id, options, catalogue, session, context }: Look): Promise<Read> {
  const ddl = requireDdl(catalogue, 'jobs');
  const request = { ddl, action: actionFor('show', options), input: () => ({ id }) };
  const outcomes = await callNodes(request, nodes, session, context.signal);
  const results = outcomes.flatMap(({ node, outcome, data }) =>
    outcome === 'ok' ? [{ ...(data as unknown as NodeResult), node }] : [],
  );
  const failed = outcomes.filter(({ outcome, code }) => outcome !== 'ok' && code !== 'unknown-job');
  return { results: results.sort((a, b) => (a.node < b.node ? -1 : 1)), failed };
}

/** Milliseconds between two queries: short at first. */
const intervals = [200, 300, 500, 1000, 2000];
/** A node that fails to answer this often in a row is reported as silent. */
const mostSilent = 5;

/** A node whose daemon is restarted meanwhile is searched for again. */
async function readUntilEnded(nodes: readonly FoundNode[], look: Look): Promise<Read> {
  const { session, options, context } = look;
  const ended = new Map<string, NodeResult>();
  let pending = nodes;
  for (let round = 0, silent = 0; ; round++) {
    const { results, failed } = await read(pending, look);
    for (const result of results) if (result.state !== 'running') ended.set(result.node, result);
    const running = results.filter(({ state }) => state === 'running');
    silent = failed.length > 0 ? silent + 1 : 0;
    const isOver = running.length === 0 && (failed.length === 0 || silent >= mostSilent);
    if (isOver || context.signal.aborted) {
      const all = [...ended.values(), ...running].sort((a, b) => (a.node < b.node ? -1 : 1));
      return { results: all, failed };
    }
    await sleep(intervals[Math.min(round, intervals.length - 1)], undefined, { signal: context.signal }).catch(
      () => {},
    );
    const unread = [...running, ...failed].map(({ node }) => node);
    pending = pending.filter(({ name }) => unread.includes(name));
    if (failed.length === 0) continue;
    const filter = { ...noFilter, agents: ['jobs'], identities: failed.map(({ node }) => node) };
    const again = await session.find({ ...readTargetOptions(options), takesList: false, limit: undefined, filter });
    pending = [...pending.filter(({ name }) => !again.nodes.some((node) => node.name === name)), ...again.nodes];
  }
}

function format(first: NodeResult, results: readonly NodeResult[]): string[] {
  const { job, agent, action, caller, run } = headOf(first);
  return [
    `job ${job}`,
    `  ${agent}.${action} by ${caller}${run === '' ? '' : ` in run ${run}`}`,
    ...results.flatMap(formatNode),
  ];
}

function formatNode({ node, state, began, ended, code, message, progress, data, left_out }: NodeResult): string[] {
  const took = ended === 0 ? `since ${new Date(began).toISOString()}` : `in ${((ended - began) / 1000).toFixed(1)} s`;
  const why = message === '' ? '' : `: ${message}${code === '' ? '' : ` (${code})`}`;
  const suffix = state === 'running' && progress !== '' ? `: ${progress}` : '';
  const output = left_out
    ? ['    its output was too large to be kept']
    : Object.entries(data).map(
        ([name, value]) => `    ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
  return [`  ${node}  ${state} ${took}${why}${suffix}`, ...output];
}
