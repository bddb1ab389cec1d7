import { Problem } from '../../../core/errors.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { loadClientConfig } from '../../cli/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { headsFile, openHeads } from '../../fleet/heads.ts';

interface HeadsOptions extends CommonOptions {
  readonly forget?: string;
}

/** Lists the newest head of every node that ever replied; each can be given to `audit verify --head` on the node. */
export async function listHeads({ config, json, forget }: HeadsOptions, context: CliContext): Promise<number> {
  const { stateDirectory } = await loadClientConfig(config, context.env);
  const heads = await openHeads(headsFile(stateDirectory), Date.now);
  if (forget !== undefined) {
    if (!heads.forget(forget)) throw new Problem('usage', `no head of “${forget}” is kept`);
    await heads.save();
    if (json !== true) context.out(`${forget}: the next head is taken for good`);
    return exitCode.ok;
  }
  const all = [...heads.all()].sort(([a], [b]) => (a < b ? -1 : 1));
  if (json === true)
    context.out(
      JSON.stringify(
        all.map(([node, head]) => ({ node, ...head })),
        null,
        2,
      ),
    );
  else for (const [node, { sequence, hash, received }] of all) context.out(`${node}  ${sequence}:${hash}  ${received}`);
  return exitCode.ok;
}
