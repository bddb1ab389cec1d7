import { Problem } from '../../../src/core/errors.ts';
import type { JournalLine } from '../../../src/core/journal/line.ts';
import { okReply } from '../../../src/core/request/reply.ts';
import type { Member } from '../fleet/fleet.ts';
import { type Answer, type SigningNode, signingNode, unwell } from '../fleet/signing-node.ts';
import { run } from './journal-lines.ts';

export interface KeeperOptions {
  /** Lines that it gives at once. */
  readonly pageSize?: number;
  /** The ids of the runs that it lists. */
  readonly listed?: readonly string[];
  /** What it answers to calls of another agent: `lock`. */
  readonly lock?: Answer;
}

/** A node in memory with a copy of the run's journal: none if undefined; with a problem it refuses each question. */
export function keeper(
  node: Member,
  copy: () => readonly JournalLine[] | Problem | undefined,
  { pageSize = 2, listed = [run], lock = () => okReply({ leases: [] }) }: KeeperOptions = {},
): SigningNode {
  const list = okReply({ runs: listed.map((one) => ({ run: one, sequence: 3, at: 1 })) });
  return signingNode(node, ['journal', 'lock'], {
    answer: (request, ...more) => {
      if (request.agent === 'lock') return lock(request, ...more);
      const lines = copy();
      if (lines instanceof Problem) return unwell('refused', lines);
      if (request.action === 'list') return list;
      if (lines === undefined) return unwell('failed', new Problem('unknown-run', 'it has no such journal'));
      const after = Number(request.input.after);
      return okReply({ lines: lines.slice(after, after + pageSize), sequence: lines.length });
    },
  });
}
