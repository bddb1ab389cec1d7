import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type Crl, sortCrls } from '../../../ca/revocation/crl.ts';
import { listInfo, startCrlKeeper } from '../../../ca/revocation/crl-keeper.ts';
import { findUnlisted } from '../../../ca/store/ledger.ts';
import { pathsIn } from '../../../ca/store/paths.ts';
import { openStore } from '../../../ca/store/store.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { explain, explainErrno, Problem } from '../../../core/errors.ts';
import { readIfThere } from '../../../core/files/if-there.ts';
import { readInput } from '../../../core/files/read-input.ts';
import type { RevocationListInfo } from '../../../core/ports.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { count } from '../../../core/text.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { type CrlStatus, crlStatusOf, describeStatus, withoutAgent } from '../../ca/crl-status.ts';
import { type CaOptions, caDirectory, onSameCa } from '../../ca/options.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit/exit-codes.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { printMissing } from '../../render/missing.ts';

export interface PushOptions extends CommonOptions, CaOptions {
  readonly file?: string;
  readonly check?: boolean;
}

/** Sends the revocation list to the nodes that match, and to this operator; prints which nodes have it then. */
export async function pushCrl(options: PushOptions, catalogue: readonly Ddl[], context: CliContext): Promise<number> {
  const ddl = requireDdl(catalogue, 'crl');
  const checks = options.check === true;
  return withSession(options, context, async (session) => {
    const pem = await readList(options, context);
    const lists = requireKnown(pem, session).map(listInfo);
    if (!checks) await takeOwn(pem, session, context);
    const findings = await session.find(readTargetOptions(options));
    const [able, unable] = partition(findings.nodes, ({ description }) =>
      description.agents.some(({ name }) => name === ddl.name),
    );
    const outcomes = checks
      ? await callNodes({ ddl, action: 'status', input: () => ({}) }, able, session, context.signal)
      : await installList(ddl, pem, able, session, context.signal);
    const standings = [
      ...outcomes.map((outcome) => crlStatusOf(outcome, lists)),
      ...unable.map(({ name }) => withoutAgent(name)),
    ];
    print(standings, lists, options, context);
    printMissing(findings, context, options);
    return exitFor({ outcomes: standings, broken: findings.broken.length, silent: findings.silent.length });
  });
}

/**
 * The lists that a CA of this operator has signed, including its intermediate CAs. @throws Problem `bad-crl`,
 * `foreign-crl`
 */
function requireKnown(pem: string, { config: { tls }, credentials, caller: { trust } }: Session): Crl[] {
  const { issuers = [] } = credentials.current().credentials;
  const { crls } = sortCrls(pem, [...trust.authorities, ...issuers]);
  if (crls.length > 0) return crls;
  const what = `no CA in ${tls.ca} has signed the revocation list, and none in ${tls.certificate}: nothing was sent`;
  const hint = 'is it a list of this fleet? If so, add the CA that signed it to one of these files';
  throw new Problem('foreign-crl', what, hint);
}

/** Characters of a list in one request: a small part blocks a node for only a few milliseconds. */
const usualPart = 150_000;
const mostParts = 32;

/** Sends the list to each node, in parts if it is long. A node that refuses one part gets no other. */
async function installList(
  ddl: Ddl,
  pem: string,
  nodes: readonly FoundNode[],
  session: Session,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const length = Math.max(usualPart, Math.ceil(pem.length / mostParts));
  const texts = pem.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [];
  const [only] = texts;
  if (texts.length <= 1) {
    return callNodes({ ddl, action: 'install', input: () => ({ crl: only ?? '' }) }, nodes, session, signal);
  }
  const digest = createHash('sha256').update(pem).digest('hex');
  const outcomes = new Map<string, Outcome>();
  let left = nodes;
  for (const [index, crl] of texts.entries()) {
    const input = { crl, digest, part: index + 1, parts: texts.length };
    for (const outcome of await callNodes({ ddl, action: 'install', input: () => input }, left, session, signal)) {
      outcomes.set(outcome.node, outcome);
    }
    left = left.filter(({ name }) => outcomes.get(name)?.outcome === 'ok');
  }
  return nodes.flatMap(({ name }) => outcomes.get(name) ?? []);
}

async function readList(options: PushOptions, context: CliContext): Promise<string> {
  const directory = caDirectory(options, context);
  const file = options.file === undefined ? pathsIn(directory).crl : resolve(options.file);
  if (options.file === undefined) await requireWhole(directory, options);
  try {
    return String(await readInput(file));
  } catch (cause) {
    const hint = `create one with “${onSameCa('crl', options)}”, or name it with --file`;
    throw new Problem('unreadable-file', `the revocation list ${file} cannot be read: ${explainErrno(cause)}`, hint);
  }
}

/** A revocation that was cut off is in the CA's ledger and in no list. */
async function requireWhole(directory: string, options: PushOptions): Promise<void> {
  if ((await readIfThere(pathsIn(directory).certificate)) === undefined) return;
  const unlisted = await findUnlisted(await openStore(directory));
  if (unlisted.length === 0) return;
  const what = `${pathsIn(directory).crl} lacks ${count(unlisted.length, 'certificate')} that the CA has revoked`;
  throw new Problem('incomplete-crl', what, `make the list again with “${onSameCa('crl', options)}”`);
}

/** The sender of a list enforces it as well. A failure on this side does not affect the nodes. */
async function takeOwn(pem: string, { config, credentials }: Session, context: CliContext): Promise<void> {
  try {
    const { changed } = await startCrlKeeper(config.tls.crl, credentials).install(pem, false);
    if (changed) context.err(`${config.tls.crl} is renewed`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    context.err(`warning: this operator does not accept the list: ${explain(error)}`);
  }
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((one) => !test(one))];
}

function print(
  standings: readonly CrlStatus[],
  lists: readonly RevocationListInfo[],
  { json }: PushOptions,
  { out }: CliContext,
): void {
  const sorted = [...standings].sort((a, b) => (a.node < b.node ? -1 : 1));
  if (json === true) {
    const nodes = sorted.map(({ node, state, code, message }) => ({ node, state, code, message }));
    out(JSON.stringify({ lists, nodes }, null, 2));
    return;
  }
  for (const standing of sorted) out(`${standing.node.padEnd(40)} ${describeStatus(standing)}`);
  const having = sorted.filter(({ outcome }) => outcome === 'ok').length;
  const numbers = lists.map(({ number }) => number).join(' and ');
  out(`revocation list ${numbers} is in force on ${having} / ${sorted.length} nodes`);
}
