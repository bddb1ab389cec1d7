import type { X509Certificate } from 'node:crypto';
import { type AuditFile, readFileLines } from '../../../core/audit/files.ts';
import type { AuditRecord, ChainState } from '../../../core/audit/record.ts';
import { verifyAuditLog } from '../../../core/audit/verify-log.ts';
import { identityOf, parseCertificate } from '../../../core/credentials/certificate.ts';
import { pemBlocks } from '../../../core/credentials/credentials.ts';
import { rememberIssuers } from '../../../core/credentials/issuers.ts';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { readIfThere } from '../../../core/files/if-there.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { count } from '../../../core/text.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { parseHeads } from '../../../library/fleet/heads.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { findAuditFiles, locateAudit } from '../../trace/locate.ts';

interface VerifyOptions {
  readonly config: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly ca?: string;
  readonly head?: readonly string[];
  readonly heads?: readonly string[];
}

/** Exit code 0 when everything is valid, 2 with the first fault named otherwise. */
export async function checkAudit(options: VerifyOptions, context: CliContext): Promise<number> {
  const located = await locateAudit(options);
  const { file } = located;
  // Where there is no node, an operator checks a copy of its log.
  const { ca, issuers } = located.ca === undefined ? await filesOfOperator(context) : { ...located, ca: located.ca };
  const authorities = certificatesIn(await readText(ca));
  for (const path of issuers) rememberIssuersIn((await readIfThere(path)) ?? '', authorities);
  const { node, realm } = await ownerOf(await findAuditFiles(file));
  const heads = [...(options.head ?? []).map(parseHead), ...(await headsOf(node, options.heads ?? [], context))];
  const trust = { realm, authorities, isRevoked: () => false };
  const verification = await verifyAuditLog(file, trust, { heads });
  const { records, start, end, fault, files } = verification;
  if (options.json === true) context.out(JSON.stringify({ file, node, ...verification }, null, 2));
  else if (fault === undefined) {
    const from = start.sequence === 0 ? '' : ` from record ${start.sequence + 1} (those before it were deleted)`;
    const many = files.length === 1 ? '' : ` in ${files.length} files`;
    context.out(
      `${file}: ${count(records, 'record')}${many}${from} ${records === 1 ? 'is' : 'are'} valid; the last is ${end.sequence}:${end.hash}`,
    );
  } else
    context.out(
      `${file.slice(0, file.lastIndexOf('/') + 1)}${fault.file}:${fault.line}: ${fault.code}: ${fault.message}`,
    );
  if (fault?.code === 'foreign')
    context.err('a record lacks its intermediate CAs: give --ca a file that has the root and those');
  return fault === undefined ? exitCode.ok : exitCode.someFailed;
}

/** The CA of the fleet as the operator's configuration names it. @throws Problem `usage` */
async function filesOfOperator({ env }: CliContext): Promise<{ ca: string; issuers: readonly string[] }> {
  try {
    const { tls } = await loadClientConfig(undefined, env);
    return { ca: tls.ca, issuers: [tls.certificate, tls.crl] };
  } catch (cause) {
    throw new Problem('usage', 'no CA certificate is known', 'give --ca FILE', { cause });
  }
}

function certificatesIn(text: string): X509Certificate[] {
  return pemBlocks(text).map((pem) => parseCertificate(pem));
}

/** A record has a certificate alone: the CAs between it and the root are in the node's other files, in any order. */
function rememberIssuersIn(text: string, authorities: readonly X509Certificate[]): void {
  if (!text.includes('BEGIN CERTIFICATE')) return;
  const found = certificatesIn(text);
  // Each round may find the CA above one that another round remembers.
  for (let round = 0; round < found.length; round++) for (const one of found) rememberIssuers([one], { authorities });
}

/**
 * The node and realm of the first certificate in the log; that this certificate belongs to the fleet is checked
 * afterwards.
 */
async function ownerOf(files: readonly AuditFile[]): Promise<{ node: string; realm: string }> {
  for (const { path } of files.slice(0, 1)) {
    for await (const { text, number } of readFileLines(path)) {
      const certificate = certificateIn(text);
      if (certificate !== undefined) {
        const identity = identityOf(parseCertificate(certificate));
        return { node: identity?.name ?? '', realm: identity?.realm ?? '' };
      }
      if (number > 10) break;
    }
  }
  return { node: '', realm: '' };
}

function certificateIn(line: string): Buffer | undefined {
  try {
    const record = JSON.parse(line) as Partial<AuditRecord>;
    return 'certificate' in record ? Buffer.from(String(record.certificate), 'base64') : undefined;
  } catch {
    return undefined;
  }
}

async function headsOf(node: string, files: readonly string[], context: CliContext): Promise<ChainState[]> {
  const found: ChainState[] = [];
  for (const file of files) {
    const head = parseHeads(await readText(file), file).get(node);
    if (head === undefined) context.err(`${file} holds no head of ${node}`);
    else found.push({ sequence: head.sequence, hash: head.hash });
  }
  return found;
}

function parseHead(head: string): ChainState {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(head) ?? [];
  if (hash === undefined) throw new Problem('usage', `“${head}” is not a valid head`, 'write SEQUENCE:HASH');
  return { sequence: Number(sequence), hash };
}

async function readText(file: string): Promise<string> {
  try {
    return String(await readInput(file));
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
