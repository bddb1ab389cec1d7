import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { runPublish } from '../publish/publish.ts';

/** The options of `upgrade` for publishing. */
export interface PublishForOptions extends CommonOptions {
  readonly cluster: string;
  readonly rev: string;
  readonly application?: string;
  readonly publish?: string;
  readonly sign?: string;
  readonly dryRun?: boolean;
}

/**
 * Publishes the file of `upgrade --publish` to the servers of the cluster. If one of them does not accept it, nothing
 * is upgraded. Its output goes to standard error, because standard output belongs to the run.
 * @returns the exit code of publishing
 * @throws Problem `usage`
 */
export async function publishFor(
  options: PublishForOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { cluster, application, rev: revision, publish: path, sign, dryRun = false, config, via } = options;
  if (path === undefined) throw new Problem('usage', '--sign needs --publish', 'add --publish FILE');
  if (application === undefined) {
    throw new Problem('usage', '--publish needs the name of the application', 'add --application NAME');
  }
  const targets = readTargetOptions(options, 'publish');
  const { filter } = targets;
  const nodes = { targets: { ...targets, filter: { ...filter, facts: [...filter.facts, `cluster=${cluster}`] } } };
  const shared = { dryRun, ...(sign === undefined ? {} : { sign }) };
  const session = { ...(config === undefined ? {} : { config }), ...(via === undefined ? {} : { via }) };
  const code = await runPublish(
    { application, revision, path },
    { ...shared, ...session },
    catalogue,
    { ...context, out: context.err },
    nodes,
  );
  if (code !== 0) context.err('the upgrade did not start: not every server has the artifact');
  else if (dryRun) context.err('the upgrade is not shown: it needs the artifact on the servers');
  return code;
}
