import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { headVerifies } from '../../core/audit/head.ts';
import type { ChainState } from '../../core/audit/record.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { readToMerge, replaceAtOnce } from '../../core/files/at-once.ts';
import type { ProblemCode } from '../../core/problems/index.ts';
import { isObject, parseJsonObject } from '../../core/json.ts';
import type { AuditHead, HeadCheck } from '../../core/wire/messages.ts';

/** The end of a node's audit log, as the node signed it in a reply. */
export interface KnownHead extends ChainState {
  /** Base64, over the head (docs/audit.md), by the certificate (DER, Base64): a third party can verify both. */
  readonly signature: string;
  readonly certificate: string;
  /** ISO 8601, by the caller's clock. */
  readonly received: string;
  /** Why the node is no longer trusted, until an operator forgets this head. */
  readonly distrusted?: Distrust;
}

export interface Distrust {
  /** ISO 8601, by the caller's clock. */
  readonly since: string;
  readonly code: ProblemCode;
  readonly message: string;
}

/** The newest head of each node: its callers can prove what a node's own files cannot. */
export interface Heads {
  readonly known: (node: string) => KnownHead | undefined;
  readonly all: () => ReadonlyMap<string, KnownHead>;
  /**
   * Accepts the head of a reply, if it continues the known one.
   * @param asOf the known head when the request was sent: replies may overtake each other, but none may be older than
   * that
   * @param check whether the node found `asOf` in its log, as its reply says
   * @returns Problem `bad-head`, `audit-back` or `audit-forked` if it does not: then the old one is kept, and no other
   * is accepted until it is forgotten
   */
  readonly take: (
    node: string,
    head: AuditHead,
    certificate: X509Certificate,
    asOf: KnownHead | undefined,
    check: HeadCheck,
  ) => Problem | undefined;
  /** Why a node is not trusted; undefined if it is. */
  readonly distrust: (node: string) => Problem | undefined;
  /** @returns the head that was kept */
  readonly forget: (node: string) => KnownHead | undefined;
  /**
   * Writes new heads, merged with those that other clients wrote meanwhile; once an earlier writing has ended.
   * @throws Problem `unwritable-file`: they are still new then
   */
  readonly save: () => Promise<void>;
}

export function headsFile(stateDirectory: string): string {
  return join(stateDirectory, 'heads.json');
}

/** @throws Problem `bad-heads`, `unreadable-file`: a damaged memory must not count as an empty one */
export function openHeads(file: string, now: () => number): Heads {
  const { heads, isCurrent } = readHeads(file);
  const forgotten = new Set<string>();
  let changed = false;
  let saving = Promise.resolve();
  const write = async () => {
    if (!changed) return;
    // Read again only if another client has written meanwhile: the heads of thousands of nodes take some MB.
    for (const [node, head] of isCurrent() ? [] : readHeads(file).heads) {
      if (!forgotten.has(node)) heads.set(node, unite(head, heads.get(node)));
    }
    // Before the disk is waited for: a head that is taken meanwhile is not among these.
    changed = false;
    try {
      await replaceAtOnce(file, formatHeads(heads));
    } catch (cause) {
      changed = true;
      throw new Problem('unwritable-file', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
    }
  };
  return {
    known: (node) => heads.get(node),
    all: () => heads,
    distrust: (node) => distrustOf(node, heads.get(node)),
    take: (node, head, certificate, asOf, check) => {
      const distrusted = distrustOf(node, heads.get(node));
      if (distrusted !== undefined) return distrusted;
      const fresh = describe(head, certificate, now());
      const known = heads.get(node);
      const wrong = headVerifies(head, node, certificate)
        ? (judge(node, fresh, asOf, check) ?? judgeSame(node, fresh, known))
        : new Problem('bad-head', `the head of ${node}'s audit log is not signed by ${node}`);
      if (wrong !== undefined && known !== undefined) {
        const { code, message } = wrong;
        heads.set(node, { ...known, distrusted: { since: new Date(now()).toISOString(), code, message } });
        changed = true;
      }
      if (wrong !== undefined) return wrong;
      if (known !== undefined && known.sequence >= fresh.sequence) return undefined;
      heads.set(node, fresh);
      changed = true;
      return undefined;
    },
    forget: (node) => {
      const head = heads.get(node);
      forgotten.add(node);
      changed = true;
      heads.delete(node);
      return head;
    },
    save: () => {
      saving = saving.catch(() => {}).then(write);
      return saving;
    },
  };
}

function describe({ sequence, hash, signature }: AuditHead, certificate: X509Certificate, now: number): KnownHead {
  return {
    sequence,
    hash: hash.toString('hex'),
    signature: signature.toString('base64'),
    certificate: certificate.raw.toString('base64'),
    received: new Date(now).toISOString(),
  };
}

const advice = (node: string) =>
  `find out why; when ${node} was reinstalled, run “mco-deploy audit heads --forget ${node}”`;

function distrustOf(node: string, head: KnownHead | undefined): Problem | undefined {
  if (head?.distrusted === undefined) return undefined;
  const { since, code, message } = head.distrusted;
  return new Problem(code, `${message} (found on ${since})`, advice(node));
}

/** Of two heads that clients keep of one node, the stronger one: distrust outlives any head beside it. */
function unite(one: KnownHead, other: KnownHead | undefined): KnownHead {
  if (other === undefined) return one;
  if (one.distrusted !== undefined || other.distrusted !== undefined) return one.distrusted === undefined ? other : one;
  return one.sequence > other.sequence ? one : other;
}

function judge(node: string, fresh: KnownHead, asOf: KnownHead | undefined, check: HeadCheck): Problem | undefined {
  if (asOf !== undefined && fresh.sequence > asOf.sequence && check === 'BROKEN') {
    const message = `the audit log of ${node} was cut, rewritten or restored: it does not continue record ${asOf.sequence} of ${asOf.received}`;
    return new Problem('audit-forked', message, advice(node));
  }
  if (asOf === undefined || fresh.sequence >= asOf.sequence) return judgeSame(node, fresh, asOf);
  const message = `the audit log of ${node} was cut: it ends at record ${fresh.sequence}, and ended at ${asOf.sequence} on ${asOf.received}`;
  return new Problem('audit-back', message, advice(node));
}

function judgeSame(node: string, fresh: KnownHead, known: KnownHead | undefined): Problem | undefined {
  if (known === undefined || fresh.sequence !== known.sequence || fresh.hash === known.hash) return undefined;
  const message = `the audit log of ${node} was rewritten: its record ${fresh.sequence} is not the one of ${known.received}`;
  return new Problem('audit-forked', message, advice(node));
}

function formatHeads(heads: ReadonlyMap<string, KnownHead>): string {
  const sorted = [...heads].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ version: 1, heads: Object.fromEntries(sorted) }, null, 2)}\n`;
}

function readHeads(file: string): { heads: Map<string, KnownHead>; isCurrent: () => boolean } {
  try {
    const { text, isCurrent } = readToMerge(file);
    return { heads: text === undefined ? new Map() : parseHeads(text, file), isCurrent };
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

/** @throws Problem `bad-heads` */
export function parseHeads(text: string, file: string): Map<string, KnownHead> {
  const bad = (why: string) =>
    new Problem('bad-heads', `${file} is not a list of heads: ${why}`, 'keep it as evidence, and move it away');
  let heads: unknown;
  try {
    ({ heads } = parseJsonObject(text, 'it'));
  } catch (error) {
    throw bad(error instanceof Problem ? error.message : 'it cannot be read');
  }
  if (!isObject(heads)) throw bad('“heads” is missing');
  for (const [node, head] of Object.entries(heads)) if (!isHead(head)) throw bad(`that of ${node} is incomplete`);
  return new Map(Object.entries(heads as Record<string, KnownHead>));
}

function isHead(head: unknown): head is KnownHead {
  if (!isObject(head) || !Number.isSafeInteger(head.sequence)) return false;
  if (head.distrusted !== undefined && !isDistrust(head.distrusted)) return false;
  const texts = [head.hash, head.signature, head.certificate, head.received];
  return texts.every((text) => typeof text === 'string') && /^[0-9a-f]{64}$/.test(String(head.hash));
}

/** Why a node is distrusted: the codes of `take`. */
const reasons: readonly ProblemCode[] = ['bad-head', 'audit-back', 'audit-forked'];

function isDistrust(value: unknown): value is Distrust {
  if (!isObject(value)) return false;
  const texts = [value.since, value.message].every((text) => typeof text === 'string');
  return texts && (reasons as readonly unknown[]).includes(value.code);
}
