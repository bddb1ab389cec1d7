import { explain } from '../../core/errors.ts';
import { broken, doubtful, type Finding, fine } from '../../core/finding.ts';
import type { TlsState } from '../../core/ports.ts';
import { count, listNames } from '../../core/text.ts';
import type { RelayConnection } from '../../transport/relay/connection.ts';
import { openLocalRelay } from '../../transport/relay/local/open.ts';
import { createRelayDial } from '../../transport/relay/dial-relay.ts';
import type { ClientConfig } from '../../library/config/config.ts';
import { dialAddresses } from '../../library/relays/dial-addresses.ts';
import { namedRelays } from '../../library/relays/open-relays.ts';

/** Milliseconds for a relay to answer. */
const timeout = 5000;

/** Whether each configured relay answers, lets this operator use it, and has connections. */
export async function checkRelays(config: ClientConfig, state: TlsState): Promise<readonly Finding[]> {
  const dial = dialAddresses(createRelayDial(() => state, timeout));
  const named = namedRelays(config).map(({ name, addresses }) =>
    checkRelay(name, () => dial(name, addresses, AbortSignal.timeout(timeout))),
  );
  const local = await openLocalRelay(config.relay_socket, 1000, new AbortController().signal).catch(() => undefined);
  const own = local === undefined ? [] : [checkRelay('of this host', () => Promise.resolve(local))];
  return (await Promise.all([...own, ...named])).flat();
}

async function checkRelay(name: string, open: () => Promise<RelayConnection>): Promise<Finding[]> {
  let relay: RelayConnection | undefined;
  try {
    relay = await open();
    let warm = 0;
    const cold: string[] = [];
    await relay.discover(
      { timeout: 0, names: [] },
      ({ node, key }) => {
        if (key) warm++;
        else cold.push(node);
      },
      AbortSignal.timeout(timeout),
    );
    const role = 'its certificate does not let it relay: it does so because client.yaml names it';
    return [
      fine('relay', `${name} answers and has connections to ${count(warm, 'node')}`),
      ...(relay.hasRole ? [] : [doubtful('relay', `${name}: ${role}`, 'issue it with --relay')]),
      ...(cold.length === 0
        ? []
        : [doubtful('relay', `${name} has no connection to ${listNames(cold, 5)}`, 'see whether they run')]),
    ];
  } catch (error) {
    return [broken('relay', `${name}: ${explain(error)}`, 'run “mco-deploy doctor node” there, or use --via direct')];
  } finally {
    relay?.close();
  }
}
