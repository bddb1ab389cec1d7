import { setTimeout as sleep } from 'node:timers/promises';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { noFilter } from '../../../core/filter/filter.ts';
import { printable } from '../../../core/text.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { Findings } from '../../../discovery/directory.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { tableOf } from '../../cli/io/format.ts';
import { paintFor } from '../../render/color.ts';
import { exitFor } from '../../cli/exit/exit-codes.ts';
import { readTargetOptions, type TargetOptions } from '../../cli/target-options.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { indented, printMissing } from '../../render/missing.ts';
import { fitTo } from '../../render/table.ts';
import { startFleetRuns } from '../../runs/fleet/fleet-runs.ts';
import { readRotation } from '../../runs/rotation.ts';
import { readDeployed } from './deployed.ts';
import { readRuns } from './recent-runs.ts';
import { formatStatus, type Status, statusJson } from './format.ts';

interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
  /** An application of fleet.yaml. */
  readonly application?: string;
}

function applicationOf({ application }: StatusOptions) {
  return application === undefined ? {} : { application };
}

/** How many of the latest runs on nodes are read. */
const mostStored = 20;

/** Milliseconds between two updates of --watch. */
const interval = 2000;

/**
 * Prints what runs where, what is out of traffic, which clusters are mixed and which runs are incomplete. A node that
 * cannot be asked is named: it does not count as healthy.
 */
export function showStatus(options: StatusOptions, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  return withSession(options, context, async (session) => {
    const stop = AbortSignal.any([context.signal, context.readerGone ?? context.signal]);
    let before = '';
    const readFleet = startFleetRuns(mostStored, { session, catalogue, options, context });
    for (;;) {
      const seen = await readStatus(options, session, catalogue, context, readFleet);
      const key = keyOf(seen);
      if (key !== before) show(seen, options, before === '', context);
      before = key;
      const { findings, outcomes } = seen;
      if (options.watch !== true)
        return exitFor({ outcomes, broken: findings.broken.length, silent: findings.silent.length });
      await sleep(interval, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return exitCode.ok;
    }
  });
}

interface Seen {
  readonly status: Status;
  readonly findings: Findings;
  readonly outcomes: readonly Outcome[];
}

/** What --watch compares: everything shown except ages. */
function keyOf({ status, findings, outcomes }: Seen): string {
  const failed = outcomes.filter(({ outcome }) => outcome !== 'ok').map(({ node, code }) => [node, code]);
  const missing = [...findings.silent, ...findings.broken].map(({ name }) => name);
  return JSON.stringify([statusJson(status), failed, missing.sort()]);
}

function show(
  { status, findings, outcomes }: Seen,
  options: StatusOptions,
  isFirst: boolean,
  context: CliContext,
): void {
  const wide = tableOf(options) === 'wide';
  if (options.json === true) {
    context.out(JSON.stringify(statusJson(status), null, 2));
  } else {
    if (!isFirst) context.out(`\n${new Date(status.now).toLocaleTimeString('en-GB')}`);
    const fit = fitTo(options, context);
    for (const line of formatStatus(status, { paint: paintFor(context), wide, fit })) context.out(printable(line));
  }
  for (const { node, outcome, message } of outcomes) if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
  printMissing(findings, context, options);
}

/** The requested facts and classes are those of servers: their load balancers have others. */
function balancersFor(options: StatusOptions): TargetOptions {
  const targets = readTargetOptions(options, 'haproxy');
  const { agents, identities } = targets.filter;
  return { ...targets, filter: { ...noFilter, agents, identities } };
}

/** The missing nodes of both. */
function unite(one: Findings, other: Findings): Findings {
  const names = new Set([...one.silent, ...one.broken].map(({ name }) => name));
  return {
    ...one,
    nodes: [...one.nodes, ...other.nodes],
    silent: [...one.silent, ...other.silent.filter(({ name }) => !names.has(name))],
    broken: [...one.broken, ...other.broken.filter(({ name }) => !names.has(name))],
  };
}

/** A node that is a server and a load balancer was found twice. */
function uniqueNodes(nodes: readonly FoundNode[]): FoundNode[] {
  return [...new Map(nodes.map((node) => [node.name, node])).values()];
}

async function readStatus(
  options: StatusOptions,
  session: Session,
  catalogue: readonly Ddl[],
  context: CliContext,
  readFleet: ReturnType<typeof startFleetRuns>,
): Promise<Seen> {
  const [servers, balancers] = await Promise.all([
    session.find(readTargetOptions(options, 'appmgr'), { facts: ['cluster'] }),
    session.find(balancersFor(options)),
  ]);
  const findings = unite(servers, balancers);
  // An operator who may not read journals sees everything else.
  const journalNodes = findings.nodes.filter(({ description }) =>
    description.agents.some(({ name }) => name === 'journal'),
  );
  const isLocal = session.config.journal === 'local' || journalNodes.length === 0;
  const [rotation, deployed, { records, journals }] = await Promise.all([
    readRotation(balancers.nodes, session, catalogue, context.signal),
    readDeployed(servers.nodes, { session, catalogue, ...applicationOf(options) }, context.signal),
    (isLocal ? Promise.resolve([]) : readFleet(uniqueNodes(journalNodes)).then(({ runs }) => runs)).then((stored) =>
      readRuns(session.config.stateDirectory, stored, context),
    ),
  ]);
  const outcomes = [...rotation.outcomes, ...deployed.outcomes];
  const asked = rotation.outcomes.some(({ outcome }) => outcome === 'ok');
  const status = { deployed: deployed.of(rotation, journals), out: rotation.out, asked, records, now: Date.now() };
  return { status, findings, outcomes };
}
