import { testProblem } from '../test-problem.ts';
import { type Behaviour, createFabric, type Fabric, type FabricNode, type FabricOptions } from './fabric.ts';
import { type Backends, breakHold, type Held, memoryBalancer } from './memory-balancer.ts';

export interface Estate {
  readonly fabric: Fabric;
  readonly balancers: Readonly<Record<string, Backends>>;
  /** The revision of each web server. */
  readonly revisions: Record<string, string>;
  /** The number of switches to another revision, by server. */
  readonly switches: Record<string, number>;
  readonly sent: { node: string; message: unknown; recipient: unknown }[];
  /** Something puts a host in on a load balancer, whose agent takes it out again and records that. */
  readonly putIn: (balancer: string, host: string, cause: string) => void;
}

export interface EstateOptions extends FabricOptions {
  readonly balancers?: Record<string, Backends>;
  /** Revisions that are there to be unpacked. */
  readonly releases?: readonly string[];
  /** Revisions whose health check fails. */
  readonly unhealthy?: readonly string[];
  /** Exit codes of check_load, one a call; the last repeats. */
  readonly load?: readonly number[];
  /** Whether the web servers run the agent publish. */
  readonly publishes?: boolean;
}

export const bravo = ['dev2.devco.net', 'dev4.devco.net', 'dev6.devco.net', 'dev8.devco.net'];
export const alfa = ['dev1.devco.net', 'dev3.devco.net', 'dev5.devco.net', 'dev7.devco.net', 'dev9.devco.net'];

/** The seed's estate in memory: nine web servers, load balancers, two notification nodes, with agents that do in small what the real ones do. */
export function createEstate(options: EstateOptions = {}): Estate {
  const every = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
  const balancers = options.balancers ?? { 'lb1.devco.net': { app: { ...every } } };
  const revisions = Object.fromEntries([...alfa, ...bravo].map((name) => [name, '10']));
  const switches: Record<string, number> = {};
  const sent: Estate['sent'] = [];
  const holds = new Map<string, Map<string, Held>>();
  const heldBy = (balancer: string) => {
    const held = holds.get(balancer) ?? new Map<string, Held>();
    holds.set(balancer, held);
    return held;
  };
  const putIn: Estate['putIn'] = (balancer, host, cause) => {
    const held = heldBy(balancer).get(host);
    if (held === undefined) throw new Error(`${host} is not held out by ${balancer}`);
    breakHold(held, host, cause);
  };
  const nodes: FabricNode[] = [
    ...[...alfa, ...bravo].map((name) => ({
      name,
      agents: ['appmgr', 'nrpe', 'package', 'rpcutil', 'service', ...(options.publishes === true ? ['publish'] : [])],
      facts: { cluster: alfa.includes(name) ? 'alfa' : 'bravo' },
      actions: { ...appmgr(revisions, switches, options), ...nrpe(options.load ?? [0]), ...system(name) },
    })),
    ...Object.entries(balancers).map(([name, backends]) => ({
      name,
      agents: ['haproxy', 'rpcutil'],
      classes: ['haproxy'],
      actions: memoryBalancer(backends, heldBy(name)),
    })),
    ...['notify1.devco.net', 'notify2.devco.net'].map((name) => ({
      name,
      agents: ['angelia', 'rpcutil'],
      actions: { 'angelia.sendmsg': angelia(sent) },
    })),
  ];
  return { fabric: createFabric(nodes, options), balancers, revisions, switches, sent, putIn };
}

type Actions = Readonly<Record<string, Behaviour>>;

/** A host whose packages have a security update, but for dev8's, and whose services are as they should be. */
function system(name: string): Actions {
  const state = { state: 'active', detail: 'running', enabled: 'enabled', pid: 4242, since: '2026-01-02T03:04:05Z' };
  const changed = name !== 'dev8.devco.net';
  return {
    'package.update': () => ({
      changed,
      packages: changed ? [{ package: 'openssl', from: '3.0.1', to: '3.0.2' }] : [],
      reboot_required: false,
    }),
    'service.restart': ({ service }) => ({ service: `${String(service)}.service`, ...state, changed: true }),
  };
}

function appmgr(
  revisions: Record<string, string>,
  switches: Record<string, number>,
  { releases = ['10', '20', '30'], unhealthy = ['30'] }: EstateOptions,
): Actions {
  const upgrade: Behaviour = ({ revision }, { node, dryRun }) => {
    const previous = revisions[node] ?? '';
    const changed = previous !== revision;
    if (!dryRun && changed) {
      revisions[node] = String(revision);
      switches[node] = (switches[node] ?? 0) + 1;
    }
    if (!dryRun && unhealthy.includes(String(revision))) {
      throw testProblem('unhealthy', `revision ${String(revision)} answers HTTP 500`);
    }
    return { application: 'app', revision, previous, changed };
  };
  return {
    'appmgr.status': ({ revision }, { node }) => ({
      application: 'app',
      revision: revisions[node] ?? '',
      healthy: !unhealthy.includes(revisions[node] ?? ''),
      health: 'HTTP 200',
      releases: [...releases],
      has_revision: releases.includes(String(revision)),
    }),
    'appmgr.upgrade': upgrade,
    'appmgr.rollback': upgrade,
  };
}

function nrpe(load: readonly number[]): Actions {
  let calls = 0;
  return {
    'nrpe.runcommand': ({ command }) => {
      const exitcode = load[Math.min(calls++, load.length - 1)] ?? 0;
      const state = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][exitcode] ?? 'UNKNOWN';
      return { command, exitcode, state, output: `${state} - load average: ${exitcode}`, perfdata: '' };
    },
  };
}

function angelia(sent: Estate['sent']): Behaviour {
  return ({ message, recipient }, { node, dryRun, requestId }) => {
    if (!dryRun) sent.push({ node, message, recipient });
    return { id: requestId, delivered: !dryRun, queued: false };
  };
}
