import type { AuditRecord } from '../../../core/audit/record.ts';
import { joinEntries } from '../../../core/audit/show.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { printable, suggest } from '../../../core/text.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { callFoundNode } from '../../../library/fleet/call-nodes.ts';
import { headsFile, type KnownHead, openHeads } from '../../../library/fleet/heads.ts';
import { paintFor } from '../../render/color.ts';
import { printTable } from '../../render/table.ts';
import { openSession, type Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import type { FoundNode } from '../../../discovery/findings.ts';

interface HeadsOptions extends CommonOptions {
  readonly forget?: string;
  readonly reason?: string;
}

/** Lists the newest head of every node that ever replied; each can be given to `audit verify --head` on the node. */
export async function listHeads(
  options: HeadsOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { forget, config, json } = options;
  if (forget !== undefined) return await forgetHead(forget, options, catalogue, context);
  const { stateDirectory } = await loadClientConfig(config, context.env);
  const heads = openHeads(headsFile(stateDirectory), Date.now);
  const all = [...heads.all()].sort(([a], [b]) => (a < b ? -1 : 1));
  if (json === true) {
    const shown = all.map(([node, head]) => ({ node, ...head }));
    context.out(JSON.stringify(shown, null, 2));
    return exitCode.ok;
  }
  const paint = paintFor(context);
  const rows = all.map(([node, { sequence, hash, received, distrusted }]) => {
    const trust =
      distrusted === undefined ? '' : paint('red', `not trusted since ${distrusted.since}: ${distrusted.message}`);
    return [node, `${sequence}:${hash}`, received, trust];
  });
  // A head is copied whole: it is not cut to the terminal.
  if (rows.length > 0) printTable(['NODE', 'HEAD', 'RECEIVED', ''], rows, options, { out: context.out });
  return exitCode.ok;
}

/** Trusts a node again: the node records who did it and what it lost, and its changes meanwhile are shown. */
async function forgetHead(
  node: string,
  options: HeadsOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const ddl = requireDdl(catalogue, 'audit');
  const session = await openSession(options, context);
  try {
    const { heads } = session.caller;
    const head = heads?.forget(node);
    if (heads === undefined || head === undefined) {
      const known = [...(heads?.all().keys() ?? [])];
      throw new Problem('usage', `no head of “${node}” is kept`, known.length === 0 ? '' : suggest(node, known));
    }
    await heads.save();
    context.out(`${node}: the next head is accepted`);
    const targets = readTargetOptions({ ...options, wi: [node] });
    const { nodes } = await session.find(targets);
    const found = nodes.find(({ name }) => name === node);
    if (found === undefined) {
      context.err(`warning: ${node} was not reached: its audit log does not record this`);
      return exitCode.ok;
    }
    await acknowledge({ found, head, reason: options.reason ?? '' }, ddl, session, context);
    if (head.distrusted !== undefined) await showMeanwhile(found, head.received, ddl, session, context);
    return exitCode.ok;
  } finally {
    await session.close();
  }
}

async function acknowledge(
  { found, head, reason }: { found: FoundNode; head: KnownHead; reason: string },
  ddl: Ddl,
  session: Session,
  context: CliContext,
): Promise<void> {
  const input = { head: `${head.sequence}:${head.hash}`, ...(reason === '' ? {} : { reason }) };
  const { outcome, message } = await callFoundNode(
    { ddl, action: 'acknowledge', input },
    found,
    session,
    context.signal,
  );
  if (outcome !== 'ok') context.err(`warning: the audit log of ${found.name} does not record this: ${message}`);
}

/** The calls on the node since its log was last complete. */
async function showMeanwhile(
  found: FoundNode,
  since: string,
  ddl: Ddl,
  session: Session,
  context: CliContext,
): Promise<void> {
  const input = { since, limit: 1000 };
  const { outcome, message, data } = await callFoundNode(
    { ddl, action: 'records', input },
    found,
    session,
    context.signal,
  );
  if (outcome !== 'ok' || !Array.isArray(data.lines)) {
    context.err(`warning: what ${found.name} did since ${since} is not known: ${message}`);
    return;
  }
  const records = data.lines.map((line) => JSON.parse(String(line)) as AuditRecord);
  const done = joinEntries(records).filter(
    ({ intent, outcome: ended }) => intent.agent !== ddl.name && ended?.outcome !== 'refused',
  );
  context.out(`${found.name} has served ${done.length} request(s) since ${since}, by its own records:`);
  for (const { intent, outcome: ended } of done) {
    const { time, caller, agent, action } = intent;
    context.out(printable(`  ${time}  ${caller}  ${agent}.${action}  ${ended?.outcome ?? 'without an outcome'}`));
  }
}
