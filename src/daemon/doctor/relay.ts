import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { hasRelayRole } from '../../core/credentials/certificate.ts';
import { explain } from '../../core/errors.ts';
import { noFilter } from '../../core/filter/filter.ts';
import { broken, doubtful, type Finding, fine } from '../../core/finding.ts';
import type { TlsState } from '../../core/ports.ts';
import { count } from '../../core/text.ts';
import { fileSource } from '../../discovery/file/source.ts';
import type { NodeConfig } from '../config/config.ts';

/** Why a relay would not be used: its certificate, its policy, its list of peers. Nothing if the node is not one. */
export async function checkRelay(
  { relay, policies, discovery }: NodeConfig,
  state: TlsState | undefined,
): Promise<readonly Finding[]> {
  if (relay === undefined) return [];
  const role =
    state === undefined || hasRelayRole(state.credentials.certificate)
      ? []
      : [
          doubtful(
            'relay',
            'the certificate does not let this node relay: only clients whose client.yaml names it use it',
            'have it issued with “mco-deploy ca issue node NAME --relay”',
          ),
        ];
  const hasPolicy = await Promise.any(
    ['relay.policy', 'default.policy'].map((file) => access(join(policies, file)).then(() => true)),
  ).catch(() => false);
  const policy = hasPolicy
    ? []
    : [broken('relay', `${policies} has no relay.policy: nobody may use the relay`, 'docs/reach.md shows one')];
  return [...role, ...policy, ...(await checkPeers(relay.nodes, discovery.mdns))];
}

async function checkPeers(file: string | undefined, hears: boolean): Promise<readonly Finding[]> {
  if (file === undefined) {
    if (hears) return [fine('relay', 'its peers are the nodes that it hears by multicast')];
    return [broken('relay', 'it has no peers: multicast is off and no list is given', 'set “nodes” under “relay”')];
  }
  try {
    let listed = 0;
    for await (const _node of fileSource(file).discover(noFilter, new AbortController().signal)) listed++;
    return [fine('relay', `${file} lists ${count(listed, 'peer')}`)];
  } catch (error) {
    return [broken('relay', explain(error), 'correct “nodes” under “relay”')];
  }
}
