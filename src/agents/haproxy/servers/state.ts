/** What HAProxy’s numbers and words for a server’s state mean (HAProxy 2.2 to 3.2: server-t.h, stats.c). */

/** Bits of srv_admin_state, `SRV_ADMF_*`. */
export const adminBits = {
  /** In maintenance by command. */
  forcedMaintenance: 0x01,
  /** In maintenance because the server that it tracks is. */
  inheritedMaintenance: 0x02,
  /** The configuration file said “disabled”: history, it stays set after `ready`. */
  configuredMaintenance: 0x04,
  forcedDrain: 0x08,
  inheritedDrain: 0x10,
  /** In maintenance because its name does not resolve. */
  unresolved: 0x20,
  /** Its host name was set at run time (by a command or an SRV record): says nothing of traffic. */
  hostnameSet: 0x40,
} as const;

const knownAdminBits = Object.values(adminBits).reduce((all, bit) => all | bit, 0);

const maintenance = adminBits.forcedMaintenance | adminBits.inheritedMaintenance;
const outOfTraffic = maintenance | adminBits.forcedDrain | adminBits.inheritedDrain | adminBits.unresolved;

/** Values of srv_op_state, `SRV_ST_*`: starting is slowstart; stopping takes nothing new. */
export const operationalStates = { stopped: 0, starting: 1, running: 2, stopping: 3 } as const;

/** What “show stat” may say in its column `status`; `N/M` stands for checks that are still to agree. */
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
  /** As “show stat” has it. */
  readonly status: string;
  /** The weight that counts now. */
  readonly weight: number;
}

/** What of the state is not known here, in words; empty where all is. Nothing may be decided on what is not understood. */
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

/** A state that “set server” takes. */
export type AdminState = 'ready' | 'drain' | 'maint';

/** The state that was set by command, to come back to. */
export function adminStateOf(state: ServerState): AdminState {
  if (inForcedMaintenance(state)) return 'maint';
  return (state.admin & adminBits.forcedDrain) !== 0 ? 'drain' : 'ready';
}
