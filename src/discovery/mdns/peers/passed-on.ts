import type { PeerMemory } from './peer-memory.ts';
import type { Proof, ProveNode, Sighting } from './sighting.ts';

export interface PassedOnParts {
  /** The node's own name, and the id of its daemon. */
  readonly own: { readonly identity: string; readonly id: string };
  readonly memory: Pick<PeerMemory, 'others'>;
  readonly prove: ProveNode;
}

/**
 * The known machine behind a sighting that was proven. Any host can announce a node under its own host name and pass
 * connections on to it, without a certificate: such a host is not a second machine with the node's key.
 * @returns `own` for this node itself, the host name of another known machine, or undefined for a machine that is new
 */
export async function machineBehind(
  sighting: Sighting,
  { id }: Proof,
  { own, memory, prove }: PassedOnParts,
): Promise<{ readonly target: string } | 'own' | undefined> {
  const { identity } = sighting;
  if (id === '') return undefined;
  if (identity === own.identity) return id === own.id ? 'own' : undefined;
  for (const { target, address } of memory.others(sighting)) {
    // Asked now: the daemon of that machine may be another one than when it proved itself.
    if ((await prove(identity, address))?.id === id) return { target };
  }
  return undefined;
}
