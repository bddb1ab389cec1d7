import type { Ddl } from '../../../core/ddl/ddl.ts';
import { isObject, parseJsonObject } from '../../../core/json.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { callerName } from '../../render/caller.ts';
import { type DeployedBy, findDeployments, type Deployed } from '../../runs/overview.ts';
import type { Rotation } from '../../runs/rotation.ts';

export interface DeployedNodes {
  readonly outcomes: readonly Outcome[];
  /** With data from load balancers and journals; by cluster, then by name. */
  readonly of: (rotation: Rotation, journals: readonly (readonly JournalEntry[])[]) => Deployed[];
}

export interface DeployedOptions {
  readonly session: Session;
  readonly catalogue: readonly Ddl[];
  /** Show only this one. */
  readonly application?: string;
}

/** Asks the nodes with applications for the serving releases. */
export async function readDeployed(
  nodes: readonly FoundNode[],
  { session, catalogue, application }: DeployedOptions,
  signal: AbortSignal,
): Promise<DeployedNodes> {
  const ddl = requireDdl(catalogue, 'appmgr');
  const outcomes = await callNodes({ ddl, action: 'status', input: () => ({ all: true }) }, nodes, session, signal);
  const clusters = new Map(nodes.map((node) => [node.name, clusterOf(node)]));
  const of: DeployedNodes['of'] = ({ servers }, journals) => {
    const brought = findDeployments(journals);
    return outcomes
      .filter(({ outcome }) => outcome === 'ok')
      .flatMap(({ node, data }) => statusesIn(data).map((one) => ({ node, data: one })))
      .filter(({ data }) => application === undefined || data.application === application)
      .map(({ node, data }) => ({
        cluster: clusters.get(node) ?? '',
        node,
        application: String(data.application ?? ''),
        release: String(data.revision ?? ''),
        healthy: data.healthy === true,
        inTraffic: isIn(node, servers),
        broughtBy: originIn(data) ?? brought.get(`${node} ${String(data.revision ?? '')}`),
      }))
      .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  };
  return { outcomes, of };
}

function placeOf({ cluster, node, application }: Deployed): string {
  return `${cluster} ${node} ${application}`;
}

/** One for each application of the node. */
function statusesIn(data: Outcome['data']): Outcome['data'][] {
  return Array.isArray(data.applications) ? data.applications.filter(isObject) : [data];
}

/** As the node recorded it when the release was activated, in a run of any operator. */
function originIn({ since, caller, run }: Outcome['data']): DeployedBy | undefined {
  if (typeof since !== 'number' || typeof caller !== 'string') return undefined;
  return { at: since, operator: callerName(caller), run: typeof run === 'string' ? run : '' };
}

function clusterOf({ name, description: { facts } }: FoundNode): string {
  const { cluster } = parseJsonObject(facts, `the facts of ${name}`);
  return typeof cluster === 'string' ? cluster : '';
}

/** In traffic on every load balancer that knows it by its name, or by the first label of that. */
function isIn(node: string, servers: Rotation['servers']): boolean | undefined {
  const names = [node, node.split('.')[0]];
  const mine = servers.filter(({ name }) => names.includes(name));
  return mine.length === 0 ? undefined : mine.every(({ inRotation }) => inRotation);
}
