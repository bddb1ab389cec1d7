import type { Ddl } from '../../../core/ddl.ts';
import type { Outcome } from '../../../core/reply.ts';
import { askNodes } from '../../ask.ts';
import type { CommonOptions } from '../../common-options.ts';
import type { CliContext } from '../../context.ts';
import { exitFor } from '../../exit.ts';
import { tellMissing } from '../../render/missing.ts';
import { openSession, requireDdl } from '../../session.ts';
import { readTargetOptions } from '../../target-options.ts';

interface ServerStatus {
  readonly name: string;
  readonly status: string;
  readonly check: string;
  readonly in_rotation: boolean;
  /** Milliseconds since the epoch; with caller and run, where the node took it out by a call. */
  readonly since?: number;
  readonly caller?: string;
  readonly run?: string;
}

/** Prints every server that takes no traffic. A load balancer that can’t be asked is named: it is not “all well”. */
export async function showStatus(
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const ddl = requireDdl(catalogue, 'haproxy');
  const session = await openSession(options, context);
  try {
    const findings = await session.find(readTargetOptions(options, ddl.name));
    const ask = (action: string, input: object, nodes = findings.nodes) =>
      askNodes({ ddl, action, input: () => ({ ...input }) }, nodes, session, context.signal);
    const lists = await ask('list', {});
    const hosting = [...findings.nodes.entries()].flatMap(([index, node]) =>
      backendsOf(lists[index]).map((backend) => ({ node, backend })),
    );
    const statuses = await Promise.all(hosting.map(({ node, backend }) => ask('status', { backend }, [node])));
    const outcomes = [...lists, ...statuses.flat()];
    const out = statuses.flat().flatMap(({ node, outcome, data }) =>
      outcome !== 'ok'
        ? []
        : (data.servers as ServerStatus[])
            .filter((server) => !server.in_rotation)
            .map(({ in_rotation: _in, name, status, check, since, caller, run }) => ({
              balancer: node,
              backend: String(data.backend),
              server: name,
              status,
              check,
              since,
              caller,
              run,
            })),
    );
    if (options.json === true) context.out(JSON.stringify(out, null, 2));
    else if (out.length === 0 && outcomes.some(({ outcome }) => outcome === 'ok'))
      context.out('all servers take traffic');
    else
      for (const { balancer, backend, server, status, check, ...origin } of out)
        context.out(`${balancer}   ${backend}/${server}   ${status}   ${formatOrigin(origin, check)}`);
    for (const { node, outcome, message } of outcomes) if (outcome !== 'ok') context.err(`${node}: ${message}`);
    tellMissing(findings, context);
    return exitFor({ outcomes, broken: findings.broken.length, silent: findings.silent.length });
  } finally {
    await session.close();
  }
}

function backendsOf(list: Outcome | undefined): string[] {
  const backends = list?.outcome === 'ok' ? (list.data.backends as { name: string; servers: string[] }[]) : [];
  return backends.filter(({ servers }) => servers.length > 0).map(({ name }) => name);
}

interface Origin {
  readonly since: number | undefined;
  readonly caller: string | undefined;
  readonly run: string | undefined;
}

function formatOrigin({ since, caller, run }: Origin, check: string): string {
  if (since === undefined) return `not by a run: ${check || 'HAProxy says no more'}`;
  return `since ${new Date(since).toISOString()} by ${caller}${run === '' ? '' : ` in run ${run}`}`;
}
