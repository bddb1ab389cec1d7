import { join } from 'node:path';
import { startPublish } from '../../../src/agents/publish/agent.ts';
import type { PublishConfig } from '../../../src/agents/publish/config.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import { Problem } from '../../../src/core/errors.ts';
import type { Identity } from '../../../src/core/identity.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { NodeView } from '../../../src/core/ports.ts';
import type { ArtifactHolder } from '../../../src/core/publish/holder.ts';
import { signedTicketCodec } from '../../../src/core/wire/codec.ts';
import type { SignedTicket } from '../../../src/core/wire/messages.ts';
import { actionContext, agentSetup, fixedNode, temporaryDirectory } from '../agents/agent-setup.ts';
import type { Fleet, Member } from '../fleet/fleet.ts';
import { idOf, type TestArtifact } from './tickets.ts';

export const nodeIdentity = (name: string): Identity => ({ kind: 'node', realm: 'devco.net', name });

/** The publish agent of a node; what it sends to others is in `served`, and `peers` are the nodes that it may ask. */
export async function startPublisher(
  fleet: Fleet,
  operator: Member,
  name = 'dev1.devco.net',
  more: Partial<PublishConfig> = {},
  peers: Readonly<Record<string, ArtifactHolder['give']>> = {},
  may: NodeView['may'] = async () => true,
) {
  const state = join(temporaryDirectory(), 'publish');
  const served: object[] = [];
  const opened: string[] = [];
  const node: NodeView = {
    ...fixedNode,
    identity: name,
    may,
    audit: { ...fixedNode.audit, trust: () => fleet.trust, served: async (event) => void served.push(event) },
    openArtifactPeer: async (peer, addresses) => {
      opened.push(`${peer} ${addresses.map(({ host, port }) => `${host}:${port}`).join()}`);
      const give = peers[peer];
      if (give === undefined) throw new Problem('unreachable', 'no answer');
      const fetch = (
        ...[request, onEvent, signal]: Parameters<Awaited<ReturnType<NodeView['openArtifactPeer']>>['fetch']>
      ) => give(request, nodeIdentity(name), onEvent, signal);
      return { name: peer, fetch, close: () => {} };
    },
  };
  const limits = { max_size: 10_000_000, max_total: 100_000_000, keep: 2, serve: 1 };
  const config = { applications: { shop: {} }, ...limits, ...more } as PublishConfig;
  const agent = await startPublish(agentSetup(config, { node, stateDirectory: state }));
  const call = (action: string, input: JsonObject, context: Partial<ActionContext> = {}) =>
    (agent.handlers[action] as unknown as (i: JsonObject, c: ActionContext) => Promise<JsonObject>)(
      input,
      actionContext(context),
    );
  const holder = agent.artifacts as ArtifactHolder;
  const encode = (ticket: SignedTicket) => signedTicketCodec.encode(ticket).toString('base64');
  const prepare = (ticket: SignedTicket, context: Partial<ActionContext> = {}) =>
    call('prepare', { ticket: encode(ticket) }, context);
  const fetch = (ticket: SignedTicket, sources: JsonObject[] = [], context: Partial<ActionContext> = {}) =>
    call('fetch', { ticket: idOf(ticket).toString('hex'), sources }, context);
  const store = (ticket: SignedTicket, part: object, by = operator) =>
    holder.store({ ticket: idOf(ticket), ...part } as Parameters<ArtifactHolder['store']>[0], by.identity);
  return {
    ...{ state, served, opened, call, prepare, fetch, store, give: holder.give },
    list: () => call('list', {}),
    /** All of it, from the operator. */
    publish: async (ticket: SignedTicket, of: TestArtifact) => {
      await prepare(ticket);
      await store(ticket, { manifest: of.manifest });
      for (let index = 0; index < of.chunks; index++) await store(ticket, { chunk: { index, data: of.chunk(index) } });
      return await fetch(ticket);
    },
  };
}
