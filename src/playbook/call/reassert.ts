/** Changes that must hold while others are made: they are made once more before each batch of those. */
import type { StepCall } from './step-call.ts';
import type { NodeFailure } from '../events/events.ts';
import { isSettled } from './resume.ts';
import type { StepReply } from './reply.ts';
import { type BatchResult, tryBatch } from './attempts.ts';
import type { KeptChange, World } from '../context.ts';

export interface HeldBatch extends BatchResult {
  /** True where what must hold could not be made to: no node of the batch was called. */
  readonly released: boolean;
}

/**
 * Tries a batch once all that it relies on was asserted again: a load balancer may have been reloaded since, or a run
 * that goes on may have slept for a day. Doing it again changes nothing where it still holds.
 */
export async function tryHeldBatch(
  call: StepCall,
  nodes: readonly string[],
  batch: number,
  batches: number,
): Promise<HeldBatch> {
  const { plan, world } = call;
  const lines: string[] = [];
  const failures: NodeFailure[] = [];
  if (!world.dryRun && !isSettled(call, nodes)) {
    for (const name of plan.reassert) {
      const kept = findKept(world, call.step.id, name);
      // Straight after the change itself there is nothing to assert.
      if (kept === undefined || kept.requestId === world.kept.last) continue;
      const again = await kept.repeat(`${call.step.id}.${name}`);
      lines.push(...again.replies.flatMap((reply) => tellChange(kept, reply)));
      failures.push(...again.failures.map((failure) => lost(kept, failure)));
    }
  }
  if (failures.length > 0) return { replies: [], failures, tries: 0, interrupted: false, lines, released: true };
  const settled = await tryBatch(call, nodes, batch, batches);
  return { ...settled, lines: [...lines, ...settled.lines], released: false };
}

/** The change of the nearest step of that name: of the same round, else of what is around it. */
function findKept({ kept }: World, step: string, name: string): KeptChange | undefined {
  for (let prefix = step; prefix !== ''; ) {
    prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')));
    const found = kept.changes.get(prefix === '' ? name : `${prefix}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Actions that can be asserted say in an output `changed` what they had to change. */
function tellChange({ title }: KeptChange, { node, data: { changed } }: StepReply): string[] {
  const what = Array.isArray(changed) ? changed.join(', ') : changed === true ? 'it had to change' : '';
  return what === '' ? [] : [`${title} no longer held on ${node} and was done again: ${what}`];
}

function lost({ title }: KeptChange, { node, code, reason }: NodeFailure): NodeFailure {
  return { node, code, reason: `whether ${title} still holds could not be made sure: ${reason}` };
}
