import { Problem } from '../../../core/errors.ts';
import { firstLine, type Runtime } from '../runtime/runtime.ts';
import type { ServerLine } from './line.ts';
import type { AdminState } from './state.ts';

/** @throws Problem `haproxy-refused`: these commands print nothing when they succeed, so any text is an error */
export async function change(runtime: Runtime, command: string, signal: AbortSignal): Promise<void> {
  const answer = await runtime.ask(command, signal);
  if (answer === '') return;
  const hint = 'see that the socket has “level admin” and that HAProxy was not reloaded with other servers';
  throw new Problem('haproxy-refused', `HAProxy at ${runtime.name} refused “${command}”: ${firstLine(answer)}`, hint);
}

const name = ({ view, server }: ServerLine) => `${view.backend}/${server.name}`;

export function setState(line: ServerLine, state: AdminState, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${name(line)} state ${state}`, signal);
}

/** @param weight `N` or `N%` */
export function setWeight(line: ServerLine, weight: string, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${name(line)} weight ${weight}`, signal);
}

/** Sets the health of a server with checks to 0: it needs `rise` checks to be up again. */
export function lowerHealth(line: ServerLine, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${name(line)} health down`, signal);
}

/**
 * Sets the state of a server that counts as down from then on, until its checks pass. HAProxy takes every server that leaves
 * maintenance for up, and sends it requests until a check fails. In drain it sends none, so the health is lowered there. A server
 * that follows another one (`track`) has no health of its own.
 */
export async function setStateAsDown(line: ServerLine, state: AdminState, signal: AbortSignal): Promise<void> {
  if (state !== 'maint' && line.server.tracked === '') {
    await setState(line, 'drain', signal);
    await lowerHealth(line, signal);
  }
  await setState(line, state, signal);
}

/**
 * Switches the agent-check on or off. HAProxy ignores switching it off if there is none, and reports an error for
 * switching it on: only for a server that has one.
 */
export function setAgentCheck(line: ServerLine, on: boolean, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `${on ? 'enable' : 'disable'} agent ${name(line)}`, signal);
}

/** Sets the agent-check's result until it answers itself. */
export function forceAgent(line: ServerLine, state: 'up' | 'down', signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${name(line)} agent ${state}`, signal);
}

export function shutdownSessions(line: ServerLine, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `shutdown sessions server ${name(line)}`, signal);
}
