import { readFile } from 'node:fs/promises';
import type { AuditRecord, ChainState } from '../../../core/audit/record.ts';
import { type AuditEntry, formatEntry, joinEntries } from '../../../core/audit/show.ts';
import { verifyAudit } from '../../../core/audit/verify.ts';
import { identityOf, parseCertificate } from '../../../core/certificate.ts';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { type CliContext, exitCode } from '../../context.ts';
import { locateAudit } from './locate.ts';

interface ShowOptions {
  readonly config: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly caller?: string;
  readonly agent?: string;
  readonly action?: string;
  readonly run?: string;
  readonly since?: string;
}

/** Prints the log's requests in the seed's form; a line that can't be read is named and makes the exit code 2. */
export async function showAudit(options: ShowOptions, context: CliContext): Promise<number> {
  const { file } = await locateAudit(options);
  const since = options.since === undefined ? 0 : Date.parse(options.since);
  if (Number.isNaN(since))
    throw new Problem('usage', `“${options.since}” is no time`, 'write it like 2012-10-27T21:14:02Z');
  const { records, unreadable } = parseRecords(await readLog(file));
  const entries = joinEntries(records).filter((entry) => wanted(entry, options, since));
  if (options.json === true) context.out(JSON.stringify(entries, null, 2));
  else for (const entry of entries) context.out(formatEntry(entry));
  for (const line of unreadable) context.err(`${file}:${line}: this line is no audit record`);
  return unreadable.length > 0 ? exitCode.someFailed : exitCode.ok;
}

function wanted({ intent }: AuditEntry, { caller, agent, action, run }: ShowOptions, since: number): boolean {
  return (
    (caller === undefined || intent.caller === caller) &&
    (agent === undefined || intent.agent === agent) &&
    (action === undefined || intent.action === action) &&
    (run === undefined || intent.run_id === run) &&
    Date.parse(intent.time) >= since
  );
}

function parseRecords(text: string): { records: AuditRecord[]; unreadable: number[] } {
  const records: AuditRecord[] = [];
  const unreadable: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    try {
      records.push(JSON.parse(line) as AuditRecord);
    } catch {
      unreadable.push(index + 1);
    }
  }
  return { records, unreadable };
}

interface VerifyOptions {
  readonly config: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly ca?: string;
  readonly head?: string;
}

/** Exit code 0 when all holds, 2 with the first fault named when not. */
export async function checkAudit(options: VerifyOptions, context: CliContext): Promise<number> {
  const { file, ca } = await locateAudit(options);
  if (ca === undefined) throw new Problem('usage', 'no CA certificate is known', 'give --ca FILE');
  const authorities = [parseCertificate(await readLog(ca))];
  const text = await readLog(file);
  const trust = { realm: realmOf(text), authorities, isRevoked: () => false };
  const verdict = verifyAudit(text, trust, undefined, parseHead(options.head));
  const { records, end, fault } = verdict;
  if (options.json === true) context.out(JSON.stringify({ file, ...verdict }, null, 2));
  else if (fault === undefined)
    context.out(`${file}: ${records} records hold, the last is ${end.sequence}:${end.hash}`);
  else context.out(`${file}:${fault.line}: ${fault.code}: ${fault.message}`);
  return fault === undefined ? exitCode.ok : exitCode.someFailed;
}

/** The realm of the first certificate in the log; whether that certificate is the fleet's is then checked. */
function realmOf(text: string): string {
  const first = parseRecords(text).records.find((record) => record.kind === 'started' || record.kind === 'certificate');
  if (first === undefined || !('certificate' in first)) return '';
  return identityOf(parseCertificate(Buffer.from(first.certificate, 'base64')))?.realm ?? '';
}

function parseHead(head: string | undefined): ChainState | undefined {
  if (head === undefined) return undefined;
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(head) ?? [];
  if (hash === undefined) throw new Problem('usage', `“${head}” is no head`, 'write SEQUENCE:HASH');
  return { sequence: Number(sequence), hash };
}

async function readLog(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
