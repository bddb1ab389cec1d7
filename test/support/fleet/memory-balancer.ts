import { Problem } from '../../../src/core/errors.ts';
import { testProblem } from '../test-problem.ts';
import type { Behaviour } from './fabric.ts';

/** The servers of each backend, and whether they take traffic. */
export type Backends = Record<string, Record<string, boolean>>;

/** A host that is held out: since when, and what broke that. */
export interface Held {
  since: number;
  breaks: { at: number; line: string; cause: string; where: string }[];
}

interface Balancer {
  readonly backends: Backends;
  readonly held: Map<string, Held>;
}

let time = 1;

/** A load balancer in small: hosts are in or out of backends, and since when they are out is remembered. */
export function memoryBalancer(backends: Backends, held: Map<string, Held>): Readonly<Record<string, Behaviour>> {
  const balancer = { backends, held };
  return {
    'haproxy.list': list(balancer),
    'haproxy.status': status(balancer),
    'haproxy.disable': change(balancer, false),
    'haproxy.enable': change(balancer, true),
  };
}

/** Something puts a held host in; the agent takes it out again and records that. */
export function breakHold(held: Held, host: string, cause: string): void {
  held.since = time++;
  held.breaks.push({ at: held.since, line: `app/${host}`, cause, where: 'its log' });
}

/** The backends that a call means: those that it names, or all that have one of the hosts. */
function chosenOf({ backends }: Balancer, backend: unknown, asked: readonly string[]): string[] {
  const holding = Object.keys(backends).filter((name) => asked.some((host) => backends[name]?.[host] !== undefined));
  const names = backend === undefined ? holding : String(backend).split(',');
  for (const name of names) {
    if (backends[name] === undefined) throw testProblem('unknown-backend', `there is no backend ${name}`);
  }
  const unknown = asked.filter((host) => !names.some((name) => backends[name]?.[host] !== undefined));
  if (unknown.length > 0) throw testProblem('unknown-server', `no line leads to ${unknown.join(', ')}`);
  return names;
}

function linesOf({ backends }: Balancer, names: readonly string[], host: string): string[] {
  return names.filter((name) => backends[name]?.[host] !== undefined);
}

function report(balancer: Balancer, names: readonly string[], host: string) {
  const held = balancer.held.get(host);
  return {
    name: host,
    lines: linesOf(balancer, names, host).map((name) => `${name}/${host}`),
    still_serving: [],
    ...(held === undefined ? {} : { out_since: held.since }),
  };
}

function change(balancer: Balancer, to: boolean): Behaviour {
  const { backends, held } = balancer;
  return ({ backend, server, min_available: least = 1 }, { dryRun }) => {
    const asked = String(server).split(',');
    const names = chosenOf(balancer, backend, asked);
    const changed = asked.filter((host) =>
      linesOf(balancer, names, host).some((name) => backends[name]?.[host] !== to),
    );
    const left = names.map(
      (name) => Object.entries(backends[name] ?? {}).filter(([host, up]) => (changed.includes(host) ? to : up)).length,
    );
    const available = Math.min(...left);
    if (!to && available < Number(least)) throw new Problem('too-few-servers', `only ${available} would be left`);
    for (const host of dryRun ? [] : asked) {
      for (const name of linesOf(balancer, names, host)) (backends[name] ?? {})[host] = to;
      if (to) held.delete(host);
      else if (!held.has(host)) held.set(host, { since: time++, breaks: [] });
    }
    const hosts = asked.map((host) => report(balancer, names, host));
    const unchanged = asked.filter((host) => !changed.includes(host));
    return { backend: names.join(','), changed, unchanged, available, hosts };
  };
}

function list(balancer: Balancer): Behaviour {
  const { backends } = balancer;
  return ({ server, backend }) => {
    const asked = String(server).split(',');
    const all = Object.keys(backends);
    const known = all.map((name) => ({ name, servers: Object.keys(backends[name] ?? {}) }));
    const holding = known.filter(({ servers }) => asked.every((one) => servers.includes(one)));
    const meant = backend === undefined ? all : String(backend).split(',');
    const hosts = asked.map((host) => ({ ...report(balancer, meant, host), backends: linesOf(balancer, meant, host) }));
    const serving = (host: string) => all.filter((name) => !meant.includes(name) && backends[name]?.[host] === true);
    const elsewhere = asked.map((name) => ({ name, lines: report(balancer, serving(name), name).lines }));
    const reached = elsewhere.filter(({ lines }) => lines.length > 0);
    return {
      ...(reached.length === 0 ? {} : { elsewhere: reached }),
      backends: known,
      holding: holding.map(({ name }) => name),
      hosts: hosts
        .filter(({ lines }) => lines.length > 0)
        .map(({ name, lines, backends: own }) => ({ name, lines, backends: own })),
      unknown: hosts.filter(({ lines }) => lines.length === 0).map(({ name }) => name),
    };
  };
}

function status(balancer: Balancer): Behaviour {
  const { backends, held } = balancer;
  return ({ backend, server }) => {
    const asked = String(server).split(',');
    const names = chosenOf(balancer, backend, asked);
    const servers = asked.map((host) => {
      const lines = linesOf(balancer, names, host);
      const hold = held.get(host);
      const isIn = lines.every((name) => backends[name]?.[host]);
      return {
        name: host,
        status: isIn ? 'UP' : 'MAINT',
        in_rotation: isIn,
        serving: lines.filter((name) => backends[name]?.[host]).length,
        still_serving: [],
        ...(hold === undefined ? {} : { out_since: hold.since, breaks: hold.breaks }),
      };
    });
    const out = servers.filter((server) => !server.in_rotation).map(({ name }) => name);
    const notes = out.filter((name) => !held.has(name)).map((name) => `${name} was taken out of traffic`);
    const noted = notes.length === 0 ? {} : { notes };
    return { backend: names.join(','), ready: out.length === 0, out, ...noted, servers };
  };
}
