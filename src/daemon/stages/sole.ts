import { duplicateProblem } from '../../core/duplicate.ts';
import type { DuplicateNode } from '../../core/ports.ts';
import { refusal } from '../../core/request/reply.ts';
import { answer, type Stage } from '../call.ts';

/**
 * Refuses every change on a node whose name another machine has proven to have, too: the caller can't know which of the two
 * would change. Reads are let through, so that a person can find out.
 */
export function sole(duplicates: () => readonly DuplicateNode[], identity: string): Stage {
  return (next) => async (call) => {
    const duplicate = call.action?.kind === 'read' ? undefined : duplicates().find((one) => one.identity === identity);
    return duplicate === undefined ? await next(call) : answer(refusal(duplicateProblem(duplicate)));
  };
}
