import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { hasRelayRole } from '../../core/credentials/certificate.ts';
import { noFilter } from '../../core/filter/filter.ts';
import { broken, doubtful, type Finding, fine, runCheck } from '../../core/finding.ts';
import type { TlsState } from '../../core/ports.ts';
import { count } from '../../core/text.ts';
import type { NodeConfig, RelaySettings } from '../config/config.ts';
import { type ListingPlace, listingPlaces } from '../relay/peers.ts';

/** Why a relay would not be used: its certificate, its policy, its lists of peers. Nothing if the node is not one. */
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
  return [...role, ...policy, ...(await checkPeers(relay, discovery.mdns))];
}

async function checkPeers(relay: RelaySettings, hears: boolean): Promise<readonly Finding[]> {
  const places = listingPlaces(relay);
  if (places.length > 0) return (await Promise.all(places.map(checkListing))).flat();
  if (hears) return [fine('relay', 'its peers are the nodes that it hears by multicast')];
  const message = 'it has no peers: multicast is off, and neither a list nor a source is configured';
  return [broken('relay', message, 'set “nodes” or “sources” under “relay”')];
}

async function checkListing({ what, isFile, open }: ListingPlace): Promise<readonly Finding[]> {
  return await runCheck('relay', `correct “${isFile ? 'nodes' : 'sources'}” under “relay”`, async () => {
    let listed = 0;
    const source = await open();
    for await (const _node of source.discover(noFilter, new AbortController().signal)) listed++;
    return fine('relay', `${what} lists ${count(listed, 'peer')}`);
  });
}
