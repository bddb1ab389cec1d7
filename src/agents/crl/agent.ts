import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import type { CrlConfig } from './config.ts';
import { crlDdl } from './ddl.ts';

/** Tells what the daemon knows of revocation lists, and brings it newer ones. */
export async function startCrl({ node }: AgentSetup<CrlConfig>): Promise<Agent> {
  const handlers = defineHandlers(crlDdl, {
    status: async () => ({ lists: node.crl.status().map((list) => ({ ...list })) }),
    install: async ({ crl }, { dryRun }) => {
      const { changed, lists } = await node.crl.install(crl, dryRun);
      return { changed, lists: lists.map((list) => ({ ...list })) };
    },
  });
  return { handlers };
}
