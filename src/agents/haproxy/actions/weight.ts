import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import { forEach } from '../runtime/parallel.ts';
import { type BackendView, refreshViews } from '../servers/backend.ts';
import { countAvailable, guardCapacity } from '../servers/capacity.ts';
import { formatLines, lineName, refreshLines, type ServerLine } from '../servers/line.ts';
import type { Server } from '../servers/server.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { namesOf } from './report.ts';
import { readChangeRequest, type Request, type ScopeInput } from './change-request.ts';
import { trackChanges } from './undo.ts';

/** The largest weight in HAProxy (configuration manual, 5.2). */
const largest = 256;

export interface WeightInput extends ScopeInput {
  /** `N`, or `N%` of the configured weight; only read if omitted. */
  readonly weight?: string | undefined;
  readonly min_available?: number | undefined;
}

export interface WeightReport {
  readonly backend: string;
  readonly changed: string[];
  readonly unchanged: string[];
  readonly available: number;
  readonly servers: { name: string; server: string; weight: number; initial: number }[];
}

/**
 * Sets each host's share of its backends’ traffic, on all its lines or none. A weight of 0 takes a host out of traffic
 * for new sessions, which the guard of the last usable servers refuses.
 * @throws Problem `bad-weight`, `weight-not-set`, `too-few-servers`, …
 */
export async function weigh(balancer: LoadBalancer, input: WeightInput, context: ActionContext): Promise<WeightReport> {
  const { weight } = input;
  if (weight !== undefined) assertWeight(weight);
  const request = await readChangeRequest(balancer, input, context);
  if (weight === undefined) return reportOf(request, request.views, []);
  const differs = ({ server }: ServerLine) => server.weight !== weightFor(server, weight);
  const changing = request.hosts.filter(({ chosen }) => chosen.some(differs));
  const lines = changing.flatMap(({ chosen }) => chosen);
  const emptied = lines.filter(({ server }) => weightFor(server, weight) === 0);
  guardCapacity(request.views, emptied, input.min_available ?? balancer.config.min_available);
  const names = namesOf(changing);
  if (context.dryRun) {
    return {
      ...reportOf(request, request.views, names),
      available: countAvailable(request.views, { out: emptied }),
    };
  }
  return reportOf(request, await setAll(request, lines, weight, context.signal), names);
}

function assertWeight(weight: string): void {
  const number = /^[0-9]{1,3}%?$/.test(weight) ? Number.parseInt(weight, 10) : Number.NaN;
  if (number <= largest) return;
  throw new Problem(
    'bad-weight',
    `“${weight}” is not a valid weight`,
    `give 0 to ${largest}, or a percentage in that range`,
  );
}

/** HAProxy's result: a percentage of the initial weight, rounded down. */
export function weightFor({ initialWeight }: Pick<Server, 'initialWeight'>, weight: string): number {
  const number = Number.parseInt(weight, 10);
  return weight.endsWith('%') ? Math.min(largest, Math.floor((initialWeight * number) / 100)) : number;
}

async function setAll(request: Request, lines: readonly ServerLine[], weight: string, signal: AbortSignal) {
  const changes = trackChanges();
  try {
    await forEach(lines, (line) => changes.weigh(line, weight, signal));
    return await verify(request, lines, weight, signal);
  } catch (failure) {
    throw await changes.putBack(failure);
  }
}

async function verify(request: Request, lines: readonly ServerLine[], weight: string, signal: AbortSignal) {
  const views = await refreshViews(request.views, signal);
  const now = refreshLines(lines, views);
  const wrong = now.filter(({ server }) => server.weight !== weightFor(server, weight));
  if (wrong.length === 0 && now.length === lines.length) return views;
  throw new Problem(
    'weight-not-set',
    `${formatLines(wrong.length === 0 ? lines : wrong)} did not take the weight ${weight}`,
    'see whether HAProxy was reloaded meanwhile, or whether an agent-check sets the weight',
  );
}

/** Weights are those of the first process; if another process has others, its `status` shows them. */
function reportOf({ backends, hosts }: Request, views: readonly BackendView[], changed: string[]): WeightReport {
  const servers = hosts.flatMap(({ name, chosen }) => {
    const lines = new Map(refreshLines(chosen, views).map((line) => [lineName(line), line.server]));
    const several = lines.size > 1;
    return [...lines].map(([line, { name: own, weight, initialWeight: initial }]) => ({
      name,
      server: several ? line : own,
      weight,
      initial,
    }));
  });
  const unchanged = namesOf(hosts).filter((name) => !changed.includes(name));
  return { backend: backends.join(','), changed, unchanged, available: countAvailable(views), servers };
}
