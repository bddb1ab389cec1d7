import { rm } from 'node:fs/promises';
import { listAuditFiles } from '../../../core/audit/files.ts';
import { explain, explainErrno, Problem } from '../../../core/errors.ts';
import type { AuditFileWriter } from '../audit-file.ts';
import type { ChainWriter } from '../chain-writer.ts';
import { keepHashes } from './find-hash.ts';
import { describeArchives, type RetentionPolicy, planDeletion } from './retention.ts';

/** When a file is full, and how long full files are kept. */
export interface AuditLimits {
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  readonly keep: RetentionPolicy;
  /** The sequence number up to which every receiver of the log has its records; omitted without receivers. */
  readonly sent?: () => number;
}

export const endless: AuditLimits = {
  maxBytes: Number.POSITIVE_INFINITY,
  maxAge: Number.POSITIVE_INFINITY,
  keep: {},
};

/**
 * Begins a new file if the active one is full, then deletes files that need not be kept.
 * @returns why that failed; an empty list on success, undefined if it was not due
 */
export async function rotateWhenDue(
  active: AuditFileWriter,
  chain: ChainWriter,
  { file, limits, now }: { file: string; limits: AuditLimits; now: () => number },
): Promise<string[] | undefined> {
  const begun = active.begun() ?? now();
  if (active.size() < limits.maxBytes && now() - begun < limits.maxAge) return undefined;
  try {
    await active.rotate(chain.end().sequence);
  } catch (error) {
    return [`the audit log ${file} cannot be rotated and grows: ${explainErrno(error)}`];
  }
  try {
    await deleteOld(file, chain, limits, now());
    return [];
  } catch (error) {
    const why = error instanceof Problem ? explain(error) : explainErrno(error);
    return [`old files of the audit log ${file} are not deleted: ${why}`];
  }
}

/** The record of the deletion comes first: a file that is missing without one was removed by somebody else. */
async function deleteOld(file: string, chain: ChainWriter, { keep, sent }: AuditLimits, now: number): Promise<void> {
  if (keep.days === undefined && keep.files === undefined) return;
  const going = planDeletion(await describeArchives(await listAuditFiles(file)), keep, now, sent?.());
  if (going.length === 0) return;
  const files = going.map(({ file: name, first, last, hash }) => ({ file: name, first, last, hash }));
  await chain.write([{ event: { kind: 'deleted', files }, durable: true }]);
  for (const { path } of going) {
    await keepHashes(path);
    await rm(path);
  }
}
