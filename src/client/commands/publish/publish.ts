import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { parseDuration } from '../../../playbook/expressions/duration.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit/exit-codes.ts';
import { nodesOf, type NodeSelection, overNodes } from '../../fleet/over-nodes.ts';
import { longestValidity } from '../../../core/publish/ticket.ts';
import { openArtifact } from '../../publish/artifact.ts';
import { publish } from '../../publish/publish.ts';
import { printPublished, publishJson } from '../../publish/report.ts';
import { assertNames, readSigningKey } from '../../publish/ticket.ts';
import { startLive } from '../../render/live/live.ts';
import { indented } from '../../render/missing.ts';

export interface PublishArguments {
  readonly application: string;
  readonly revision: string;
  /** A .tar.gz file or a directory. */
  readonly path: string;
}

export interface PublishCommandOptions extends CommonOptions {
  readonly sign?: string;
  readonly sha256?: string;
  readonly valid?: string;
  readonly dryRun?: boolean;
}

/**
 * @param nodes the nodes; by default those of the options
 * @throws Problem `usage`, `bad-publication`, `bad-checksum`, `bad-archive`, `bad-key`: before any node is asked
 */
export async function runPublish(
  { application, revision, path }: PublishArguments,
  options: PublishCommandOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
  nodes: NodeSelection = nodesOf(options, 'publish'),
): Promise<number> {
  assertNames(application, revision);
  const validity = options.valid === undefined ? undefined : readValidity(options.valid);
  const expected = readSum(options.sha256);
  const key = options.sign === undefined ? {} : { key: await readSigningKey(options.sign) };
  const artifact = await openArtifact(path, expected, context.signal);
  const dryRun = options.dryRun === true;
  try {
    return await overNodes(options, nodes, context, async (findings, session) => {
      if (findings.nodes.length === 0) return [];
      const live = startLive(context).begin(`publishing ${application} ${revision}`, findings.nodes.length);
      const publication = { application, revision, artifact, validity: validity ?? validityFor(artifact.size), ...key };
      const published = await publish(publication, findings.nodes, catalogue, session, {
        dryRun,
        onResult: ({ node }) => live.done(node),
        onProgress: live.show,
        signal: context.signal,
      }).finally(live.end);
      const report = { application, revision, artifact, dryRun, ...published };
      if (options.json === true) context.out(JSON.stringify(publishJson(report), null, 2));
      else printPublished(report, options, context);
      for (const { node, outcome, message, hint } of published.results) {
        if (outcome !== 'ok') context.err(`${node}: ${indented(message)}${hint === '' ? '' : ` (${hint})`}`);
      }
      const { broken, silent } = findings;
      const code = exitFor({ outcomes: published.results, broken: broken.length, silent: silent.length });
      if (code !== 0 && !dryRun)
        context.err(`parts that arrived are not sent again: ${context.command ?? 'repeat the command'}`);
      return code;
    });
  } finally {
    await artifact.close();
  }
}

function readValidity(text: string): number {
  const validity = parseDuration(text);
  if (validity !== undefined && validity >= 1000) return validity;
  throw new Problem('usage', `“${text}” is not a valid time for --valid`, 'write it as 30m or 2h, up to 24h');
}

/** An hour, plus the time that a link of 1 Mbit/s takes. */
function validityFor(size: number): number {
  return Math.min(longestValidity, 3_600_000 + Math.ceil(size / 125));
}

function readSum(text: string | undefined): string | undefined {
  const sum = text?.toLowerCase();
  if (sum === undefined || /^[0-9a-f]{64}$/.test(sum)) return sum;
  throw new Problem(
    'usage',
    `“${text}” is not a valid SHA-256 sum`,
    'write its 64 hex digits, as sha256sum prints them',
  );
}
