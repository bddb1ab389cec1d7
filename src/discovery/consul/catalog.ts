import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { type ClaimedNode, claimedFacts, requireObject } from '../claims.ts';

/**
 * The nodes of an answer of /v1/catalog/service/NAME. A node's name is its service's metadata `identity`, or Consul's
 * own name for it; tags of the form `key=value`, the metadata of the node and that of the service become claimed facts,
 * in this order.
 * @throws Problem `bad-nodes`
 */
export function parseCatalog(value: unknown, domain: string | undefined, from: string): ClaimedNode[] {
  if (!Array.isArray(value)) throw new Problem('bad-nodes', `${from} is not a list`);
  return value.map((entry: unknown, index) => {
    const at = `${from} entry ${index + 1}`;
    const { Node, Address, ServiceAddress, ServicePort, ServiceTags, ServiceMeta, NodeMeta } = requireObject(entry, at);
    const meta = isObject(ServiceMeta) ? ServiceMeta : {};
    const name = typeof meta.identity === 'string' ? meta.identity : Node;
    if (typeof name !== 'string' || name === '') throw new Problem('bad-nodes', `${at} has no “Node”`);
    const address = [ServiceAddress, Address].find((one) => typeof one === 'string' && one !== '');
    return {
      name: name.includes('.') || domain === undefined ? name : `${name}.${domain}`,
      ...(typeof address === 'string' ? { address } : {}),
      ...(typeof address === 'string' && typeof ServicePort === 'number' && ServicePort > 0
        ? { port: ServicePort }
        : {}),
      facts: {
        ...factsInTags(ServiceTags),
        ...(isObject(NodeMeta) ? claimedFacts(NodeMeta) : {}),
        ...claimedFacts(meta),
      },
    };
  });
}

function factsInTags(tags: unknown): JsonObject {
  if (!Array.isArray(tags)) return {};
  const pairs = tags.flatMap((tag: unknown) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(String(tag)) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(pairs);
}
