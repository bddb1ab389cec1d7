import { basename } from 'node:path';
import type { Trust } from '../credentials/proof.ts';
import { type AuditFile, listAuditFiles, readFileLines } from './files.ts';
import { type AuditExpectation, type AuditVerification, startAuditWalk } from './verify.ts';

/** The result of a log, and the files it was found in. */
export interface LogVerification extends AuditVerification {
  /** Names, in the order of their records. */
  readonly files: readonly string[];
}

/**
 * Verifies all files of a log. It reports a fault only when the files are still the ones from the beginning: the daemon
 * may rotate, delete or write while they are read.
 * @param file the current file
 * @throws Problem `malformed`, `unreadable-file`
 */
export async function verifyAuditLog(
  file: string,
  trust: Trust,
  expectation: AuditExpectation = {},
  signal?: AbortSignal,
): Promise<LogVerification> {
  let files = await listAuditFiles(file);
  for (let again = 3; ; again--) {
    const verification = await verifyFiles(files, trust, expectation, signal);
    const after = await listAuditFiles(file);
    const steady = after.length === files.length && after.every(({ path }, index) => path === files[index]?.path);
    if (verification.fault === undefined || again === 0 || (steady && verification.fault.code !== 'torn')) {
      return { ...verification, files: files.map(({ path }) => basename(path)) };
    }
    files = after;
  }
}

async function verifyFiles(
  files: readonly AuditFile[],
  trust: Trust,
  expectation: AuditExpectation,
  signal: AbortSignal | undefined,
): Promise<AuditVerification> {
  const walk = startAuditWalk(trust, expectation);
  let last = { file: '', line: 0 };
  for (const { path } of files) {
    last = { file: basename(path), line: 0 };
    for await (const line of readFileLines(path, signal)) {
      last = { ...last, line: line.number };
      const wrong = walk.step(line, last.file);
      if (wrong !== undefined) return wrong;
    }
  }
  return walk.end(basename(files[0]?.path ?? ''), last);
}
