import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import { leaseNamePattern } from '../../../core/request/lease.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { printable } from '../../../core/text.ts';
import { callerName } from '../../render/caller.ts';
import { fitTo, formatTable } from '../../render/table.ts';
import { ago } from '../../render/times.ts';
import { indented } from '../../render/missing.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';

interface Lock {
  readonly name: string;
  readonly caller: string;
  readonly run: string;
  readonly from: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Prints each lease once, with the nodes that keep it. */
export async function listLocks(
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  return await askAll({ action: 'list', input: {} }, options, catalogue, context, (replies) => {
    const perNode = replies.flatMap(({ node, data }) =>
      (data.leases as Lock[]).map(({ name, caller, run, from, since }) => ({ name, caller, run, from, since, node })),
    );
    const leases = [...Map.groupBy(perNode, ({ name, caller, run, from }) => JSON.stringify([name, caller, run, from]))]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, same]) => {
        const { node: _node, ...lease } = same[0] as Lock & { node: string };
        return {
          ...lease,
          since: Math.min(...same.map((one) => one.since)),
          nodes: same.map(({ node }) => node).sort(),
        };
      });
    if (options.json === true) {
      const shown = leases.map((lease) => ({
        ...lease,
        run: lease.run === '' ? null : lease.run,
        since: new Date(lease.since).toISOString(),
      }));
      return [JSON.stringify(shown, null, 2)];
    }
    if (leases.length === 0) return ['no lease is held'];
    const now = Date.now();
    const rows = leases.map(({ name, caller, run, from, since, nodes }) =>
      [name, callerName(caller), run.slice(0, 8), ago(since, now), from, nodes.join(', ')].map(printable),
    );
    return formatTable(['LEASE', 'BY', 'RUN', 'SINCE', 'FROM', 'NODES'], rows).map(fitTo(options, context));
  });
}

/** @throws Problem `usage` for an invalid name of a lease */
export async function breakLock(
  name: string,
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  if (!new RegExp(leaseNamePattern).test(name)) throw new Problem('usage', `“${name}” is not a valid lease name`);
  let none = false;
  const code = await askAll({ action: 'break', input: { name } }, options, catalogue, context, (replies) => {
    const broken = replies.filter(({ data }) => data.broken === true);
    none = broken.length === 0;
    if (options.json === true)
      return [
        JSON.stringify(
          broken.map(({ node, data }) => ({ node, ...data })),
          null,
          2,
        ),
      ];
    if (broken.length === 0) {
      context.last('to list the leases that are held: mco-deploy locks');
      return [`nobody holds ${name}: nothing was changed`];
    }
    return broken.map(
      ({ node, data }) => `${node}: ${name} was held by ${data.caller} for run ${data.run}, and is free now`,
    );
  });
  // The name may be mistyped, and the lease that is in the way still held.
  return none && code === exitCode.ok ? exitCode.nothingDiscovered : code;
}

interface LockReply {
  readonly node: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function askAll(
  { action, input }: { readonly action: string; readonly input: JsonObject },
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
  format: (replies: readonly LockReply[]) => string[],
): Promise<number> {
  const ddl = requireDdl(catalogue, 'lock');
  return overNodes(options, nodesOf(options, ddl.name), context, async ({ nodes }, session) => {
    const outcomes = await callNodes({ ddl, action, input: () => input }, nodes, session, context.signal);
    const replies = outcomes.filter(({ outcome }) => outcome === 'ok');
    // Without a reply it is not known whether a lease is held.
    if (replies.length > 0 || options.json === true) for (const line of format(replies)) context.out(line);
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
    return outcomes;
  });
}
