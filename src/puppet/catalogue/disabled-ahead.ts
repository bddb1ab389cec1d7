/**
 * The changes that must hold while others are made: servers that were taken out of traffic must be out while they
 * change.
 */
import type { McollectiveCall } from '../types/mcollective.ts';
import type { OrderedResource } from './order.ts';
import type { Resource } from './resource.ts';

type Calls = ReadonlyMap<Resource, McollectiveCall>;

/** For each call: the `haproxy#disable` before it, until a `haproxy#enable` of the same servers. */
export function findDisabledAhead(
  ordered: readonly OrderedResource[],
  calls: Calls,
): ReadonlyMap<Resource, readonly Resource[]> {
  const result = new Map<Resource, readonly Resource[]>();
  const out = new Set<Resource>();
  /** The disabling calls that a resource needs, directly or indirectly. */
  const behind = new Map<Resource, ReadonlySet<Resource>>();
  for (const { resource, needs } of ordered) {
    const call = calls.get(resource);
    const disabling = needs.filter((one) => isTraffic(calls.get(one), 'disable'));
    const needed = new Set([...disabling, ...needs.flatMap((one) => [...(behind.get(one) ?? [])])]);
    behind.set(resource, needed);
    if (call === undefined) continue;
    if (isTraffic(call, 'disable')) {
      if (!call.noop) out.add(resource);
    } else if (isTraffic(call, 'enable')) {
      for (const one of out) if (haveSameServers(calls.get(one), call)) out.delete(one);
    } else
      result.set(
        resource,
        [...needed].filter((one) => out.has(one)),
      );
  }
  return result;
}

function isTraffic(call: McollectiveCall | undefined, action: 'disable' | 'enable'): boolean {
  return call?.agent === 'haproxy' && call.action === action;
}

function haveSameServers(one: McollectiveCall | undefined, other: McollectiveCall): boolean {
  const { server, backend } = one?.arguments ?? {};
  return server === other.arguments.server && backend === other.arguments.backend;
}
