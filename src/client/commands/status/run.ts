import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit-codes.ts';
import { indented, tellMissing } from '../../render/missing.ts';
import { formatOut, readRotation } from '../../runs/rotation.ts';
import { openSession } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';

/** Prints every server that takes no traffic. A load balancer that can’t be asked is named: it is not “all well”. */
export async function showStatus(
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const session = await openSession(options, context);
  try {
    const findings = await session.find(readTargetOptions(options, 'haproxy'));
    const { out, outcomes } = await readRotation(findings.nodes, session, catalogue, context.signal);
    if (options.json === true) context.out(JSON.stringify(out, null, 2));
    else if (out.length > 0) for (const server of out) context.out(formatOut(server));
    else if (outcomes.some(({ outcome }) => outcome === 'ok')) context.out('all servers take traffic');
    for (const { node, outcome, message } of outcomes)
      if (outcome !== 'ok') context.err(`${node}: ${indented(message)}`);
    tellMissing(findings, context);
    return exitFor({ outcomes, broken: findings.broken.length, silent: findings.silent.length });
  } finally {
    await session.close();
  }
}
