import type { ActionContext } from '../../../core/agent.ts';
import { type BackendView, readViews } from '../servers/backend.ts';
import type { Host } from '../servers/host.ts';
import { lineName, type ServerLine } from '../servers/line.ts';
import { narrowLines } from '../servers/scope.ts';
import { inRotation } from '../servers/state.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { namesOf } from './report.ts';
import { prepareHosts, readNarrowing } from './change-request.ts';

interface ListInput {
  readonly server?: string | undefined;
  readonly backend?: string | undefined;
  readonly port?: string | undefined;
}

/**
 * All backends; of the hosts asked for, every line that leads to each (in the backends asked for, which need not be here), and
 * which backends hold all of them.
 */
export async function list(balancer: LoadBalancer, { server, ...input }: ListInput, context: ActionContext) {
  const narrowing = readNarrowing(balancer.config, input);
  const views = await readViews(balancer.runtimes, context.signal);
  const byName = Map.groupBy(views, (view) => view.backend);
  const backends = [...byName].map(([name, same]) => ({ name, servers: serversOf(same) }));
  if (server === undefined) return { backends, holding: [], hosts: [], unknown: [] };
  const { resolve } = await prepareHosts(balancer, server);
  const all = resolve(views);
  const hosts = all.map((host) => ({ ...host, lines: narrowLines(host.lines, narrowing) }));
  const elsewhere = all.flatMap((host, at) => describeOthers(host, hosts[at]?.lines ?? []));
  const holding = [...byName].filter(([, same]) => same.every((view) => hosts.every((host) => isIn(host, view))));
  return {
    backends,
    holding: holding.map(([name]) => name),
    hosts: hosts.filter(({ lines }) => lines.length > 0).map(describe),
    unknown: namesOf(hosts.filter(({ lines }) => lines.length === 0)),
    ...(elsewhere.length === 0 ? {} : { elsewhere }),
  };
}

function serversOf(views: readonly BackendView[]): string[] {
  return [...new Set(views.flatMap((view) => view.servers.map(({ name }) => name)))];
}

/** A host with its lines beside the chosen ones that send it requests; nothing where there is none. */
function describeOthers({ name, lines }: Host, chosen: readonly ServerLine[]) {
  const serving = lines.filter((line) => !chosen.includes(line) && inRotation(line.server));
  return serving.length === 0 ? [] : [{ name, lines: [...new Set(serving.map(lineName))] }];
}

function isIn({ lines }: Host, view: BackendView): boolean {
  return lines.some((line) => line.view === view);
}

function describe({ name, lines }: Host) {
  return {
    name,
    backends: [...new Set(lines.map(({ view }) => view.backend))],
    lines: [...new Set(lines.map(lineName))],
  };
}
