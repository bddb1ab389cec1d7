import { setTimeout as sleep } from 'node:timers/promises';
import { explain, Problem } from '../../core/errors.ts';
import { type Address, parseAddress } from '../../core/node.ts';
import type { NodeConnection } from '../../core/ports.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { createDial } from '../../transport/dial.ts';
import type { Host } from '../fleet-file/model.ts';
import { callConfig, type FabricTransport } from './call-config.ts';

/** A change that waits for confirmation. */
interface Waiting {
  readonly change: string;
  /** Milliseconds since the epoch, by the node’s clock. */
  readonly until: number;
}

/** Milliseconds between two tries, for a connection, and after the deadline until the node goes back by itself. */
const interval = 300;
const dialTimeout = 3000;
const returning = 15_000;

/**
 * Connects to the node in its new state, and confirms the change: this proves that it still answers its operator.
 * @throws Problem `returned` when it could not be confirmed, with the reason
 */
export async function confirmChange(
  host: Host,
  node: FoundNode,
  waiting: Waiting,
  way: FabricTransport,
): Promise<void> {
  const end = waiting.until + returning;
  let why = '';
  while (Date.now() < end && !way.signal.aborted) {
    const connection = await dial(host, node, way).catch((error: unknown) => {
      why = explain(error);
      return undefined;
    });
    const ended = connection === undefined ? undefined : await attempt(connection, node, waiting, way);
    connection?.close();
    if (ended === 'confirmed') return;
    if (ended?.returned === true) throw returnedProblem(node.name, why === '' ? ended.why : `${ended.why} (${why})`);
    if (ended !== undefined) why = ended.why;
    await sleep(interval, undefined, { signal: way.signal }).catch(() => {});
  }
  if (way.signal.aborted) {
    const what = `${node.name} was not asked to keep the change: it undoes the change within a minute`;
    throw new Problem('cancelled', what, 'apply it again');
  }
  throw new Problem(
    'returned',
    `${node.name} does not answer with the new configuration: ${why}`,
    'check it on the host',
  );
}

type Ended = 'confirmed' | { readonly returned: boolean; readonly why: string };

async function attempt(
  connection: NodeConnection,
  { name }: FoundNode,
  { change }: Waiting,
  way: FabricTransport,
): Promise<Ended> {
  const at = { name, connection };
  const { outcome, code, message } = await callConfig(at, 'confirm', { change }, way);
  if (outcome === 'ok') return 'confirmed';
  if (code !== 'nothing-pending')
    return { returned: false, why: code === 'not-restarted' ? 'it did not start again' : message };
  const { data } = await callConfig(at, 'status', {}, way);
  return { returned: true, why: data.returned === change ? String(data.why) : message };
}

function returnedProblem(name: string, why: string): Problem {
  const hint = 'correct fleet.yaml, then apply again';
  return new Problem('returned', `${name} went back to its last good configuration: ${why}`, hint);
}

function dial(
  { address }: Host,
  { name, addresses }: FoundNode,
  { session, signal }: FabricTransport,
): Promise<NodeConnection> {
  const declared = address === undefined ? undefined : parseAddress(address);
  const candidates: readonly Address[] = declared === undefined ? addresses : [declared, ...addresses];
  return createDial(() => session.caller, dialTimeout)(name, candidates, signal);
}
