/** Checks a journal that came from a node: only operators of the fleet can have written it, and in this order. */
import type { X509Certificate } from 'node:crypto';
import { issuersIn, parseCertificate } from '../credentials/certificate.ts';
import { proveCertificate, type Trust } from '../credentials/proof.ts';
import { rememberIssuers } from '../credentials/issuers.ts';
import { verifies } from '../credentials/signature.ts';
import { Problem } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { followLines, type JournalLine, journalStart, type LineContent, readLine, type StoredOn } from './line.ts';

export interface VerifiedJournal {
  readonly run: string;
  readonly stored: StoredOn;
  readonly lines: readonly JournalLine[];
  readonly entries: readonly JsonObject[];
  /** The signer of each line: the name of an operator. */
  readonly authors: readonly string[];
  /** Those of the authors whose certificates were revoked since. */
  readonly revoked: readonly string[];
}

/**
 * @param lines from the first on
 * @throws Problem `bad-journal`, `bad-signature`, or as proveCertificate: a certificate must have been valid at the time of its lines
 */
export function verifyJournal(run: string, lines: readonly JournalLine[], trust: Trust): VerifiedJournal {
  const [first] = lines;
  if (first === undefined) throw new Problem('bad-journal', `the journal of the run ${run} is empty`);
  followLines(run, journalStart, lines);
  const { stored } = readLine(first);
  if (stored === undefined) throw new Problem('bad-journal', 'the first line does not name the nodes that store it');
  const authors: string[] = [];
  const entries: JsonObject[] = [];
  const revoked = new Set<string>();
  let signer: X509Certificate | undefined;
  for (const line of lines) {
    const content = readLine(line);
    signer = content.chain === undefined ? signer : openChain(content.chain, trust);
    if (signer === undefined) throw new Problem('bad-journal', 'the first line contains no certificate');
    if (!verifies('journal-line', Buffer.from(line.text), Buffer.from(line.signature, 'base64'), signer)) {
      throw new Problem('bad-signature', `the signature of line ${content.sequence} of the journal is not valid`);
    }
    const { name, isRevoked } = authorOf(signer, content, trust);
    if (isRevoked) revoked.add(name);
    authors.push(name);
    entries.push(content.entry);
  }
  return { run, stored, lines, entries, authors, revoked: [...revoked] };
}

function openChain(chain: readonly string[], trust: Trust): X509Certificate {
  const certificates = chain.map((one) => Buffer.from(one, 'base64'));
  rememberIssuers(issuersIn(certificates), trust);
  return parseCertificate(certificates[0] ?? Buffer.alloc(0));
}

/**
 * The signer at that time: a short-lived certificate may have expired since, and one may have been revoked after the
 * run.
 */
function authorOf(signer: X509Certificate, { entry }: LineContent, trust: Trust): { name: string; isRevoked: boolean } {
  const at = Number(entry.at);
  const lenient = { ...trust, isRevoked: () => false };
  const { identity } = proveCertificate(signer, 'operator', lenient, at);
  try {
    proveCertificate(signer, 'operator', trust, at);
    return { name: identity.name, isRevoked: false };
  } catch (error) {
    if (error instanceof Problem && error.code === 'revoked-certificate')
      return { name: identity.name, isRevoked: true };
    throw error;
  }
}
