import { servesAsConfigured } from '../servers/state.ts';
import { findLine, lineName, type ServerLine } from '../servers/line.ts';
import type { ScopedHost } from '../servers/scope.ts';
import { reasonOf } from '../servers/out-reason.ts';
import { defineLineEntry } from './enable-line.ts';
import type { Changes } from '../actions/undo.ts';

/** One host on its way into traffic. */
export interface HostEntry {
  readonly host: ScopedHost;
  /** Restarts the checks of all its lines, out of traffic. */
  readonly begin: () => Promise<void>;
  /**
   * Starts again with the lines of processes that a reload replaced: they forgot these commands, or restored older
   * states.
   * @param sockets of these processes
   */
  readonly beginAgain: (sockets: readonly string[], all: readonly ServerLine[]) => Promise<void>;
  /** Takes the next steps that HAProxy's current answers allow. @param all every line, as it is now */
  readonly advance: (all: readonly ServerLine[]) => Promise<void>;
  readonly isIn: () => boolean;
  /** The reason that it is out, line by line if it has several. */
  readonly reason: () => string;
}

/**
 * A host is put in once all of its lines have passed their checks, in every process: half a host serves nobody well.
 */
export function defineHostEntry(
  host: ScopedHost,
  agentBelongsOn: (line: ServerLine) => boolean,
  changes: Changes,
  signal: AbortSignal,
): HostEntry {
  const entries = host.chosen.map((line) => defineLineEntry(line, agentBelongsOn(line), changes, signal));
  let followers: readonly ServerLine[] = host.followers;
  let isIn = false;
  return {
    host,
    async begin() {
      for (const entry of entries) await entry.begin();
    },
    async beginAgain(sockets, all) {
      for (const [at, { line }] of entries.entries()) {
        const now = sockets.includes(line.view.runtime.name) ? findLine(line, all) : undefined;
        if (now === undefined) continue;
        const entry = defineLineEntry(now, agentBelongsOn(now), changes, signal, true);
        entries[at] = entry;
        isIn = false;
        await entry.begin();
      }
    },
    async advance(all) {
      followers = host.followers.flatMap((line) => findLine(line, all) ?? []);
      const passed = entries.every((entry) => entry.hasPassed());
      for (const entry of entries) {
        const now = findLine(entry.line, all);
        // A line that is gone (HAProxy is being reloaded) may come back.
        if (now === undefined) continue;
        await (passed ? entry.enter(now) : entry.check(now));
      }
      isIn = entries.every((entry) => entry.isIn()) && followers.every(({ server }) => servesAsConfigured(server));
    },
    isIn: () => isIn,
    reason() {
      const waiting = entries.filter((entry) => !entry.isIn());
      const several = entries.length > 1;
      const reasons = waiting.map((entry) => `${several ? `${lineName(entry.line)}: ` : ''}${entry.reason()}`);
      const behind = followers.filter(({ server }) => !servesAsConfigured(server));
      if (reasons.length === 0)
        reasons.push(...behind.map((line) => `${lineName(line)}: ${reasonOf(line.server, line.server.status)}`));
      return [...new Set(reasons)].join('; ');
    },
  };
}
