/** Tracks what a run did to nodes and traffic, from its events: for its last lines and for notifications. */
import type { JsonObject } from '../../core/json.ts';
import type { RunEvent, StepReport } from './events.ts';
import type { OutOfTraffic, RunState, StillServing } from './run-state.ts';

export interface RunTracker {
  readonly see: (event: RunEvent) => void;
  /** Nodes that an earlier part of the run should have called and never did. */
  readonly noteUntouched: (nodes: readonly string[]) => void;
  /** @param steps all steps once the run has ended, including those never started */
  readonly state: (steps?: readonly StepReport[]) => RunState;
  /** The first failed step; of nested steps, the innermost. */
  readonly failed: () => StepReport | undefined;
  /** The ids of the steps that have ended. */
  readonly ended: ReadonlySet<string>;
  /** The release that each node served when the run first looked. */
  readonly revisions: ReadonlyMap<string, string>;
  /** Hosts that load balancers still send requests to, by their last report. */
  readonly serving: () => readonly StillServing[];
}

const groups = new Set(['rolling', 'for_each', 'use']);

export function startTracker(): RunTracker {
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  const touched = new Set<string>();
  const left = new Set<string>();
  const ended = new Set<string>();
  const traffic = startTraffic();
  let onlyAsks = false;
  let failed: StepReport | undefined;
  const receive = (event: Outcome) => {
    const { title, node, data, dryRun } = event;
    const { revision, previous } = data;
    // A question before a change reports nothing, unless the whole run is a dry run.
    const counts = event.outcome === 'ok' && dryRun === onlyAsks;
    if (title === 'appmgr#status' && !after.has(node) && typeof revision === 'string') before.set(node, revision);
    if (title === 'haproxy#list') traffic.seeSizes(data);
    // Also when it is only asked before the change, because a plan shows it.
    if (title === 'haproxy#disable' && event.outcome === 'ok') traffic.seeServing(node, data);
    if (!counts) return;
    traffic.see(event, onlyAsks);
    if (title === 'haproxy#status' && touched.size > 0) traffic.seeStatus(node, data);
    if ((title !== 'appmgr#upgrade' && title !== 'appmgr#rollback') || typeof revision !== 'string') return;
    if (typeof previous === 'string' && !before.has(node)) before.set(node, previous);
    after.set(node, revision);
  };
  const finish = (report: StepReport) => {
    ended.add(report.id);
    for (const node of report.untouched) left.add(node);
    if (report.state === 'failed' && !report.afterFailure && !groups.has(report.kind)) failed ??= report;
  };
  return {
    failed: () => failed,
    ended,
    revisions: before,
    serving: traffic.serving,
    noteUntouched: (nodes) => {
      for (const node of nodes) left.add(node);
    },
    see: (event) => {
      if (event.type === 'run-started') onlyAsks = event.dryRun;
      if (event.type === 'try-started' && event.changes) for (const node of event.nodes) touched.add(node);
      if (event.type === 'outcome') receive(event);
      if (event.type === 'step-finished') finish(event.report);
    },
    state: (steps = []) => {
      const all = new Set([...left, ...steps.flatMap(({ untouched }) => untouched)]);
      return {
        changes: [...after].sort().map(([node, now]) => ({ node, before: before.get(node) ?? '', after: now })),
        out: traffic.out(),
        serving: traffic.serving(),
        untouched: [...all].filter((node) => !touched.has(node)).sort(),
        changed: touched.size > 0,
      };
    },
  };
}

type Outcome = Extract<RunEvent, { type: 'outcome' }>;

/** Follows the replies of load balancers to disable and enable. */
function startTraffic() {
  const out = new Map<string, { backend: string; server: string; balancers: Set<string>; available: number }>();
  const sizes = new Map<string, number>();
  const serving = new Map<string, StillServing>();
  const disable = (node: string, { backend, changed, unchanged, available }: JsonObject) => {
    for (const server of [...namesIn(changed), ...namesIn(unchanged)]) {
      const key = `${String(backend)}/${server}`;
      const known = out.get(key) ?? { backend: String(backend), server, balancers: new Set(), available: Infinity };
      known.balancers.add(node);
      if (typeof available === 'number') known.available = Math.min(known.available, available);
      out.set(key, known);
    }
  };
  const enable = (node: string, { backend, changed, unchanged }: JsonObject) => {
    for (const server of [...namesIn(changed), ...namesIn(unchanged)]) {
      const key = `${String(backend)}/${server}`;
      out.get(key)?.balancers.delete(node);
      if (out.get(key)?.balancers.size === 0) out.delete(key);
    }
  };
  return {
    see: ({ title, node, data }: Outcome, onlyAsks: boolean) => {
      if (title === 'haproxy#disable') disable(node, data);
      if (title === 'haproxy#enable' && !onlyAsks) enable(node, data);
    },
    /** A load balancer's own report overrides the calls that were made to it. */
    seeStatus: (node: string, { backend, out: list, servers }: JsonObject) => {
      enable(node, { backend, changed: namesOf(servers) });
      disable(node, { backend, changed: list });
    },
    seeSizes: (data: JsonObject) => noteSizes(data, sizes),
    seeServing: (node: string, data: JsonObject) => {
      for (const one of servingIn(node, data)) serving.set(`${one.server} ${node}`, one);
    },
    serving: () => [...serving.values()].filter(({ lines }) => lines.length > 0),
    out: (): OutOfTraffic[] =>
      [...out.values()].map(({ backend, server, balancers, available }) => {
        const total = sizes.get(backend);
        const stay = total === undefined || available === Infinity ? undefined : { available, total };
        return { backend, server, balancers: [...balancers].sort(), stay };
      }),
  };
}

function noteSizes({ backends }: JsonObject, sizes: Map<string, number>): void {
  const list: unknown[] = Array.isArray(backends) ? backends : [];
  for (const one of list) {
    const { name, servers } = one as { name?: unknown; servers?: unknown };
    if (typeof name === 'string' && Array.isArray(servers)) sizes.set(name, servers.length);
  }
}

function servingIn(balancer: string, { hosts }: JsonObject): StillServing[] {
  const list: unknown[] = Array.isArray(hosts) ? hosts : [];
  return list.flatMap((one) => {
    const { name, still_serving: lines } = one as { name?: unknown; still_serving?: unknown };
    return typeof name === 'string' ? [{ server: name, lines: namesIn(lines), balancer }] : [];
  });
}

/** The requested servers: a status says nothing of the others. */
function namesOf(servers: unknown): unknown[] {
  return Array.isArray(servers) ? servers.map((server) => (server as { name?: unknown } | null)?.name) : [];
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
