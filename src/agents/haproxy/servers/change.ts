import { Problem } from '../../../core/errors.ts';
import { firstLine, type Runtime } from '../runtime/runtime.ts';
import { lineName, type ServerLine } from './line.ts';
import type { OutState } from './state.ts';

/** @throws Problem `haproxy-refused`: these commands print nothing when they succeed, so any text is an error */
export async function change(runtime: Runtime, command: string, signal: AbortSignal): Promise<void> {
  const answer = await runtime.ask(command, signal);
  if (answer === '') return;
  const hint = 'see that the socket has “level admin” and that HAProxy was not reloaded with other servers';
  throw new Problem('haproxy-refused', `HAProxy at ${runtime.name} refused “${command}”: ${firstLine(answer)}`, hint);
}

/** Takes a server out of traffic. Only `into-traffic/rule.ts` puts one in. */
export function setState(line: ServerLine, state: OutState, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${lineName(line)} state ${state}`, signal);
}

/** @param weight `N` or `N%` */
export function setWeight(line: ServerLine, weight: string, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${lineName(line)} weight ${weight}`, signal);
}

/**
 * Takes a server out of maintenance for its checks: into drain, with its health at 0. Both in one go: HAProxy takes a
 * server that leaves maintenance for up, and sends one that is up and in drain the requests that persist (cookies,
 * `stick`, `use-server`).
 */
export function setChecking(line: ServerLine, signal: AbortSignal): Promise<void> {
  const name = lineName(line);
  return change(line.view.runtime, `set server ${name} state drain; set server ${name} health down`, signal);
}

/** Ends the wait for `rise` checks of a server whose health was set to 0. */
export function raiseHealth(line: ServerLine, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${lineName(line)} health up`, signal);
}

/**
 * Switches the agent-check on or off. HAProxy ignores switching it off if there is none, and reports an error for
 * switching it on: only for a server that has one.
 */
export function setAgentCheck(line: ServerLine, on: boolean, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `${on ? 'enable' : 'disable'} agent ${lineName(line)}`, signal);
}

/** Sets the agent-check's result until it answers itself. */
export function forceAgent(line: ServerLine, state: 'up' | 'down', signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `set server ${lineName(line)} agent ${state}`, signal);
}

export function shutdownSessions(line: ServerLine, signal: AbortSignal): Promise<void> {
  return change(line.view.runtime, `shutdown sessions server ${lineName(line)}`, signal);
}
