/** How the actions report hosts and their lines. */
import { lineName } from '../servers/line.ts';
import { affectedLines, type ScopedHost } from '../servers/scope.ts';
import { inRotation } from '../servers/state.ts';

/** The output of a change; the same for taking out and putting in. */
export interface ChangeReport {
  readonly backend: string;
  readonly changed: string[];
  readonly unchanged: string[];
  readonly available: number;
  readonly hosts: HostReport[];
}

export interface HostReport {
  readonly name: string;
  /** `BACKEND/SERVER` of each line that the call is about. */
  readonly lines: string[];
  /**
   * Lines outside of what the call was narrowed to that still send the host requests; and in words, processes that no
   * command reaches.
   */
  readonly still_serving: string[];
  /** Milliseconds since the epoch: out without a break since then. */
  readonly out_since?: number;
  /** Sessions that did not end in time; they may still send the host requests. */
  readonly sessions_left?: number;
}

export function reportHost(host: ScopedHost): HostReport {
  const serving = host.elsewhere.filter(({ server }) => inRotation(server));
  return {
    name: host.name,
    lines: [...new Set(affectedLines(host).map(lineName))],
    still_serving: [...new Set(serving.map(lineName))],
  };
}

/** For messages: the host, and its lines if they have other names. */
export function formatHost({ name, chosen }: ScopedHost): string {
  const lines = [...new Set(chosen.map(lineName))];
  return lines.length === 1 && lines[0]?.endsWith(`/${name}`) ? name : `${name} (${lines.join(', ')})`;
}

export function namesOf(hosts: readonly { readonly name: string }[]): string[] {
  return hosts.map(({ name }) => name);
}
