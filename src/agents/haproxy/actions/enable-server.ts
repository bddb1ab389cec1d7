import { change } from '../servers/backend.ts';
import type { NamedServer } from '../servers/names.ts';
import type { SocketServer } from './change-request.ts';
import { adminStateOf, inMaintenance, inRotation, isUp, type Server } from '../servers/server.ts';
import type { Changes } from './undo.ts';

/** One server on its way into traffic. */
export interface ServerEntry {
  readonly target: NamedServer;
  /** Has its checks begin anew, out of traffic. */
  readonly begin: (seats: readonly SocketServer[]) => Promise<void>;
  /** Takes the next step that what HAProxy says now allows; `sockets`: how many must agree. */
  readonly advance: (seats: readonly SocketServer[], sockets: number) => Promise<void>;
  readonly isIn: () => boolean;
  /** What its last check said. */
  readonly lastWords: () => string;
}

/**
 * How a check newer than the change is told from an older one: HAProxy itself sets the health of a server that leaves
 * maintenance to `rise`, the lowest that counts as up. Only a check that passes after that lifts it to the top
 * (rise + fall - 1), and one that fails drops it to 0. Where it is at the top all the same (fall 1, a server that
 * was in drain, `init-state`), “health down” sends it to the bottom, from where it needs `rise` new checks.
 */
export function defineEntry(target: NamedServer, changes: Changes, signal: AbortSignal): ServerEntry {
  let stage: 'drained' | 'checking' | 'ready' | 'in' = 'drained';
  let words = '';
  /** The sockets where it is held out; on the others it is left alone. */
  const held = new Set<string>();
  const setEach = async (seats: readonly SocketServer[], state: 'drain' | 'ready') => {
    for (const { view, server } of seats) await changes.set(view, server.name, state, signal);
  };
  return {
    target,
    async begin(seats) {
      const out = seats.filter(({ server }) => adminStateOf(server) !== 'ready');
      for (const { view } of out) held.add(view.runtime.name);
      if (out.length === 0) stage = 'ready';
      await setEach(
        out.filter(({ server }) => inMaintenance(server)),
        'drain',
      );
    },
    async advance(seats, sockets) {
      words = lastWordsOf(seats, words);
      if (seats.length < sockets) return;
      const out = seats.filter(({ view }) => held.has(view.runtime.name));
      if (stage === 'drained' && !out.some(({ server }) => inMaintenance(server))) {
        await lowerHealth(out, signal);
        stage = 'checking';
      } else if (stage === 'checking' && out.every(({ server }) => hasPassed(server))) {
        await setEach(out, 'ready');
        stage = 'ready';
      } else if (stage === 'ready' && seats.every(({ server }) => inRotation(server))) {
        stage = 'in';
      }
    },
    isIn: () => stage === 'in',
    lastWords: () => words || 'no check has ended yet',
  };
}

async function lowerHealth(seats: readonly SocketServer[], signal: AbortSignal): Promise<void> {
  for (const { view, server } of seats) {
    if (!server.checked || server.health < server.top) continue;
    await change(view.runtime, `set server ${view.backend}/${server.name} health down`, signal);
  }
}

function hasPassed(server: Server): boolean {
  return isUp(server) && (!server.checked || server.health >= server.top);
}

/** While a server counts as up its words may be those of a check before the change. */
function lastWordsOf(seats: readonly SocketServer[], before: string): string {
  const out = seats.map(({ server }) => server).filter((server) => !inRotation(server));
  if (out.some((server) => isUp(server) && server.weight === 0)) return 'its weight is 0';
  const down = out.find((server) => !isUp(server));
  return down === undefined ? before : down.check || before || down.status;
}
