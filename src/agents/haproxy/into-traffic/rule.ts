/**
 * The rule: a server gets no requests while its health check fails. This is the only file that sends HAProxy
 * `state ready`; a test compares the others.
 *
 * HAProxy does not keep the rule by itself: it takes every server that leaves maintenance for up (its health becomes
 * `rise`, the lowest that counts as up), and sends it requests until a check fails. In drain it checks a server too, and
 * sends one that is up only the requests that persist (cookies, `stick`, `use-server`); one that is down, none. So there
 * are three ways into traffic:
 *
 * | Way | What keeps the rule |
 * |---|---|
 * | `enable` | Drain and down, then a check that began after that and passed on every line of the host, then {@link enter}: `enable-line.ts` has the order, `enable-host.ts` the lines of a host |
 * | A change that failed is undone | {@link restore}: a server that was down before the change comes back as down |
 * | A held line leads to another host after a reload | {@link release}: it comes back as down |
 *
 * A server that comes back as down gets requests once its checks pass. From then on HAProxy itself keeps the rule.
 */
import { change, raiseHealth, setChecking, setState } from '../servers/change.ts';
import { lineName, type ServerLine } from '../servers/line.ts';
import type { Server } from '../servers/server.ts';
import { type AdminState, isUp } from '../servers/state.ts';

/** Whether it has its own health, which can be set to 0. A server that follows another one (`track`) has none. */
export function canBeLowered({ checked, tracked }: Server): boolean {
  return checked && tracked === '';
}

/**
 * Takes one passed check of a server whose health was 0 for enough, as HAProxy does with a server that comes out of
 * maintenance: it would wait for `rise` of them.
 */
export async function acceptFirstCheck(line: ServerLine, signal: AbortSignal): Promise<void> {
  if (line.server.health > 0 && !isUp(line.server)) await raiseHealth(line, signal);
}

/**
 * Whether a check has passed since the server left maintenance. HAProxy set its health to `rise` then, or `enable` to 0:
 * only a check that passes raises it to the maximum (`rise + fall - 1`), and one that fails lowers it to 0.
 */
export function hasPassedCheck(server: Server): boolean {
  return isUp(server) && (!server.checked || server.health >= server.top);
}

/** Puts a line in traffic: only after {@link hasPassedCheck} on every line of its host. */
export function enter(line: ServerLine, signal: AbortSignal): Promise<void> {
  return sendReady(line, signal);
}

/**
 * Sets a line back to the state before a change.
 * @param wasUp before the change
 */
export async function restore(
  line: ServerLine,
  before: AdminState,
  wasUp: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (!wasUp && before !== 'maint') await setDown(line, signal);
  await (before === 'ready' ? sendReady(line, signal) : setState(line, before, signal));
}

/** Ends the maintenance of a line whose host was not checked. */
export async function release(line: ServerLine, signal: AbortSignal): Promise<void> {
  if (line.server.checked) await setDown(line, signal);
  await sendReady(line, signal);
}

/** A server that follows another one (`track`) has no own health. */
async function setDown(line: ServerLine, signal: AbortSignal): Promise<void> {
  if (line.server.tracked === '') await setChecking(line, signal);
}

function sendReady(line: ServerLine, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${lineName(line)} state ready`, signal);
}
