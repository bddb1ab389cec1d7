/** Sentences for those who are about to put hosts in: who took them out before, and which lines fail anyway. */
import { type HeldHost, heldOnly, isHeldBy } from '../maintenance/held-hosts.ts';
import { formatLines, lineName, type ServerLine } from '../servers/line.ts';
import { reasonOf } from '../servers/out-reason.ts';
import { affectedLines, type ScopedHost } from '../servers/scope.ts';
import { adminBits, adminStateOf, inMaintenance, isUp, servesAsConfigured } from '../servers/state.ts';

/** @param runId that of the caller: what it took out itself is not reported to it */
export function notesOf(host: ScopedHost, held: HeldHost | undefined, runId: string): string[] {
  const lines = affectedLines(host).filter(({ server }) => !servesAsConfigured(server));
  return [...noteOthers(host, lines, held, runId), ...noteFailing(host, lines)];
}

function noteOthers(
  host: ScopedHost,
  lines: readonly ServerLine[],
  held: HeldHost | undefined,
  runId: string,
): string[] {
  const taken = lines.filter(({ server }) => adminStateOf(server) !== 'ready');
  const byOrigin = Map.groupBy(taken, (line) => originOf(line, held, runId));
  byOrigin.delete(ownOrigin);
  return [...byOrigin].map(([origin, some]) => {
    const where = some.length === affectedLines(host).length ? '' : ` in ${formatLines(some)}`;
    return `${host.name} was taken out of traffic${where} ${origin}`;
  });
}

const ownOrigin = '';

/** Who took it out, or how, in words; {@link ownOrigin} for the calling run. */
function originOf(line: ServerLine, held: HeldHost | undefined, runId: string): string {
  const { backend } = line.view;
  if (held !== undefined && heldOnly(held, [line]).length > 0) {
    if (isHeldBy(held, backend, runId)) return ownOrigin;
    const { since, caller = '', run = '', runs = {} } = held;
    const other = Object.hasOwn(runs, backend) ? runs[backend] : undefined;
    if (other) return `in run ${other}`;
    if (other === undefined && since !== undefined)
      return `by ${caller}${run === '' ? '' : ` in run ${run}`} at ${timeOf(since)}`;
  }
  const { admin, agent } = line.server;
  if (agent.enabled) return 'by a command to HAProxy or its agent-check';
  return (admin & adminBits.configuredMaintenance) === 0
    ? `by a command to HAProxy (${adminStateOf(line.server)})`
    : 'by HAProxy’s configuration (“disabled”) or a command';
}

/** Lines that get nothing for another reason: after all is done, they keep their host out. */
function noteFailing({ name }: ScopedHost, lines: readonly ServerLine[]): string[] {
  const failing = lines.filter(
    ({ server }) =>
      !inMaintenance(server) &&
      (server.admin & adminBits.inheritedDrain) === 0 &&
      (adminStateOf(server) === 'ready' || !isUp(server)),
  );
  if (failing.length === 0) return [];
  const shown = [...new Set(failing.map((line) => `${lineName(line)} (${whyFailing(line)})`))].join(', ');
  return [
    `${name} takes no traffic in ${shown}: it comes back only once all its lines take traffic: repair them, or choose other backends`,
  ];
}

function whyFailing({ server }: ServerLine): string {
  const reason = reasonOf(server, server.check) || server.status;
  const { changedAgo } = server;
  return isUp(server) || changedAgo === undefined
    ? reason
    : `since ${timeOf(Date.now() - changedAgo * 1000)}, ${reason}`;
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
