import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { callerId } from '../../core/identity.ts';
import type { ArtifactHolder } from '../../core/publish/holder.ts';
import { fetchArtifact } from './actions/fetch.ts';
import { listPublished } from './actions/list.ts';
import { prepare } from './actions/prepare.ts';
import { prunePublished, removeAbandoned } from './actions/prune.ts';
import type { PublishConfig } from './config.ts';
import { publishDdl } from './ddl.ts';
import { definePublishParts, type PublishParts } from './parts.ts';
import { openStore } from './store/store.ts';
import { defineGive } from './transfer/give.ts';
import { startTickets } from './transfer/tickets.ts';

export async function startPublish({ config, node, stateDirectory, log }: AgentSetup<PublishConfig>): Promise<Agent> {
  const now = Date.now;
  const store = await openStore(stateDirectory);
  await removeAbandoned(store, now());
  const parts = definePublishParts(config, node, store, startTickets(store, node.clockGrace, now), now);
  const { assertTaken } = parts;
  const handlers = defineHandlers(publishDdl, {
    prepare: async ({ ticket }, context) => ({ ...(await prepare(parts, ticket, context)) }),
    fetch: async (input, context) => ({ ...(await fetchArtifact(parts, input, context)) }),
    list: async ({ application }) => ({ ...(await listPublished(parts, application)) }),
    prune: async (input, { dryRun }) => ({ ...(await prunePublished(parts, input, dryRun)) }),
  });
  const give = defineGive({ store, node, most: config.serve, assertTaken, now, log });
  return { handlers, artifacts: { store: storeFor(parts), give } };
}

/** Takes parts from the operator whose ticket was accepted, by an action that was authorized and recorded. */
function storeFor({ tickets, node }: PublishParts): ArtifactHolder['store'] {
  return async ({ ticket, manifest, chunk }, operator) => {
    const caller = callerId(operator);
    const { partial } = tickets.find(ticket.toString('hex'), caller);
    // As the policy is now: a right that was taken away ends what it was for.
    const limited = operator.applications !== undefined;
    if (!(await node.may({ caller, agent: publishDdl.name, action: 'prepare', limited }))) {
      throw new Problem('policy-denied', `${caller} may not publish.prepare on ${node.identity}`);
    }
    if (manifest) await partial.takeManifest(manifest, caller);
    else if (chunk) await partial.takeChunk(chunk.index, chunk.data, caller);
    else throw new Problem('malformed-message', 'the request carries neither a manifest nor a chunk');
    return { missing: partial.missing() };
  };
}
