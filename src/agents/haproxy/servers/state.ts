/** The meaning of HAProxy’s numbers and words for a server’s state (HAProxy 2.2 to 3.2: server-t.h, stats.c). */

/** Bits of srv_admin_state, `SRV_ADMF_*`. */
export const adminBits = {
  /** In maintenance by command. */
  forcedMaintenance: 0x01,
  /** In maintenance because the server that it tracks is. */
  inheritedMaintenance: 0x02,
  /** The configuration file said “disabled”: it stays set after `ready`, and has no effect. */
  configuredMaintenance: 0x04,
  forcedDrain: 0x08,
  inheritedDrain: 0x10,
  /** In maintenance because its name does not resolve. */
  unresolved: 0x20,
  /** Its host name was set at run time (by a command or an SRV record), without effect on traffic. */
  hostnameSet: 0x40,
} as const;

const knownAdminBits = Object.values(adminBits).reduce((all, bit) => all | bit, 0);

const maintenance = adminBits.forcedMaintenance | adminBits.inheritedMaintenance;
const outOfTraffic = maintenance | adminBits.forcedDrain | adminBits.inheritedDrain | adminBits.unresolved;

/** Values of srv_op_state, `SRV_ST_*`: starting is slowstart; stopping takes nothing new. */
const operationalStates = { stopped: 0, starting: 1, running: 2, stopping: 3 } as const;

/** The possible values of the column `status` in “show stat”; `N/M` means that checks still have to agree. */
const knownStatuses = [
  /^UP( \d+\/\d+)?$/,
  /^DOWN( \d+\/\d+)?$/,
  /^DOWN \(agent\)$/,
  /^NOLB( \d+\/\d+)?$/,
  /^DRAIN( \d+\/\d+)?$/,
  /^DRAIN \(agent\)$/,
  /^MAINT$/,
  /^MAINT \(resolution\)$/,
  /^MAINT ?\(via [A-Za-z0-9_.:-]+\/[A-Za-z0-9_.:-]+\)$/,
  /^no check$/,
];

export interface ServerState {
  readonly admin: number;
  readonly operational: number;
  /** From “show stat”. */
  readonly status: string;
  /** The current weight. */
  readonly weight: number;
}

/** The unknown part of the state, in words; empty if all is known. Nothing may be decided on an unknown state. */
export function unknownState({ admin, operational, status }: ServerState): string {
  const bits = admin & ~knownAdminBits;
  if (bits !== 0) return `srv_admin_state ${admin}`;
  if (!Object.values<number>(operationalStates).includes(operational)) return `srv_op_state ${operational}`;
  return knownStatuses.some((known) => known.test(status)) ? '' : `the status “${status}”`;
}

/** Whether it is in maintenance by a command to itself. */
export function inForcedMaintenance({ admin }: ServerState): boolean {
  return (admin & adminBits.forcedMaintenance) !== 0;
}

/** Whether nothing new can reach it, even by persistence: it is in maintenance, or the server that it tracks is. */
export function inMaintenance({ admin }: ServerState): boolean {
  return (admin & maintenance) !== 0;
}

export function isUp({ operational }: ServerState): boolean {
  return operational === operationalStates.running || operational === operationalStates.starting;
}

/** Whether HAProxy sends it new sessions: what its own `act` and `bck` count. */
export function inRotation(state: ServerState): boolean {
  return isUp(state) && (state.admin & outOfTraffic) === 0 && state.weight > 0;
}

/** Whether HAProxy uses it as it is configured: with a weight of 0, only for requests that persist. */
export function servesAsConfigured(state: ServerState & { readonly initialWeight: number }): boolean {
  return inRotation(state.initialWeight === 0 ? { ...state, weight: 1 } : state);
}

/** A state that “set server” takes. */
export type AdminState = 'ready' | OutState;

/** A state in which HAProxy sends a server nothing new. */
export type OutState = 'drain' | 'maint';

/** The state that was set by command, to restore it. */
export function adminStateOf(state: ServerState): AdminState {
  if (inForcedMaintenance(state)) return 'maint';
  return (state.admin & adminBits.forcedDrain) !== 0 ? 'drain' : 'ready';
}
