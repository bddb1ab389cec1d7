import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import type { CrlConfig } from './config.ts';
import { crlDdl } from './ddl.ts';
import { startListParts } from './parts.ts';

/** Reports the daemon's revocation lists, and gives it newer ones. */
export async function startCrl({ node }: AgentSetup<CrlConfig>): Promise<Agent> {
  const collected = startListParts(Date.now);
  const handlers = defineHandlers(crlDdl, {
    status: async () => ({ lists: node.crl.status().map((list) => ({ ...list })) }),
    install: async ({ crl, digest, part, parts }, { dryRun, caller }) => {
      const whole =
        digest === undefined ? crl : collected.take(caller, { digest, part: part ?? 1, parts: parts ?? 1, text: crl });
      if (whole === undefined) return { changed: false, lists: node.crl.status().map((list) => ({ ...list })) };
      const { changed, lists } = await node.crl.install(whole, dryRun);
      return { changed, lists: lists.map((list) => ({ ...list })) };
    },
  });
  return { handlers };
}
