import { displacements, type DisplacedRecord } from '../../core/audit/record.ts';
import type { AuditFileWriter } from './audit-file.ts';
import type { ChainWriter } from './chain-writer.ts';
import type { AuditNotes } from './notes.ts';

/** Keeps the log at its path, because nobody would look for records elsewhere. */
export interface PathGuard {
  /**
   * Continues in a new file if the path does not lead to the open one. @throws the error of the operating system when
   * that is not possible: nothing may be done then
   */
  readonly check: () => Promise<void>;
  /** Like `check`, for a log that is shorter than it was when the daemon ended. */
  readonly beginAgain: (found: DisplacedRecord['found']) => Promise<void>;
}

export interface GuardParts {
  readonly file: string;
  readonly active: AuditFileWriter;
  readonly chain: ChainWriter;
  readonly notes: AuditNotes;
  readonly certificate: () => Buffer;
  readonly now: () => number;
}

export function guardPath({ file, active, chain, notes, certificate, now }: GuardParts): PathGuard {
  /** A new file that does not state yet why it was begun. */
  let owed: { readonly found: DisplacedRecord['found']; readonly kept: string } | undefined;
  const settle = async () => {
    if (owed === undefined) return;
    const { found, kept } = owed;
    await chain.write([
      { event: { kind: 'displaced', found, kept, certificate: certificate().toString('base64') }, durable: true },
    ]);
    owed = undefined;
    const at = new Date(now()).toISOString();
    await notes.add({ at, what: describe(file, found, kept, chain.end().sequence) }, chain.end());
  };
  const beginAgain = async (found: DisplacedRecord['found']) => {
    owed = { found, kept: await active.beginAgain(now()) };
    await settle();
  };
  return {
    check: async () => {
      const found = active.displacement();
      if (found === undefined) await settle();
      else await beginAgain(found);
    },
    beginAgain,
  };
}

function describe(file: string, found: DisplacedRecord['found'], kept: string, sequence: number): string {
  const rest = kept === '' ? '' : `, what was found is kept as ${kept}`;
  return `the audit log ${file} ${displacements[found]}: it continues in a new file with record ${sequence}${rest}`;
}
