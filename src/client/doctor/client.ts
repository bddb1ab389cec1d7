import { readRevocations } from '../../ca/revocation/revocations.ts';
import { checkCredentials } from '../../core/credentials/doctor.ts';
import { broken, doubtful, runCheck, type Finding, fine } from '../../core/finding.ts';
import { count } from '../../core/text.ts';
import type { Findings } from '../../discovery/directory.ts';
import { findInterfaces, leftOutWarning } from '../../discovery/mdns/interfaces.ts';
import { type ClientConfig, loadClientConfig } from '../../library/config/config.ts';
import type { CliContext } from '../cli/context.ts';
import { formatLastSeen } from '../render/missing.ts';
import { checkRelays } from './relays.ts';
import { openSession } from '../fleet/session.ts';
import { readTargetOptions } from '../cli/target-options.ts';

/** Seconds by which a clock may differ before nodes refuse requests, by default. */
const clockGrace = 10;

/** Checks an operator’s configuration and credentials, and the nodes as they are seen from here. */
export async function doctorClient(configFile: string | undefined, context: CliContext): Promise<readonly Finding[]> {
  let config: ClientConfig | undefined;
  const first = await runCheck('configuration', 'docs/commands.md explains every key', async () => {
    config = await loadClientConfig(configFile, context.env);
    return fine('configuration', config.file);
  });
  if (config === undefined) return first;
  const { findings, state } = await checkCredentials(config.tls, 'operator', readRevocations, Date.now());
  const known = [...first, ...findings, ...checkInterfaces(config)];
  if (state === undefined) return known;
  const relays = await checkRelays(config, state);
  return [
    ...known,
    ...relays,
    ...(await runCheck('nodes', 'see “mco-deploy ping”', () => checkNodes(configFile, context))),
  ];
}

function checkInterfaces({ discovery }: ClientConfig): Finding[] {
  if (discovery.method !== 'mdns') return [fine('discovery', `by ${discovery.method}`)];
  const found = findInterfaces(discovery.interfaces);
  const names = found.used.map(({ name }) => name);
  const warning = leftOutWarning(found);
  if (warning !== undefined) return [doubtful('discovery', warning, 'see discovery.interfaces in docs/commands.md')];
  if (names.length > 0) return [fine('discovery', `by multicast on ${names.join(', ')}`)];
  return [broken('discovery', 'no interface supports multicast', 'use discovery: { method: file, file: NODES }')];
}

async function checkNodes(config: string | undefined, context: CliContext): Promise<readonly Finding[]> {
  const session = await openSession(config === undefined ? {} : { config }, { ...context, err: () => {} });
  try {
    return nodeFindings(await session.find(readTargetOptions({})));
  } finally {
    await session.close();
  }
}

/** The nodes' own warnings, their clocks, and the silent nodes. */
export function nodeFindings({ nodes, broken: failed, silent }: Findings, now = Date.now()): Finding[] {
  const off = nodes.filter(
    ({ description, elapsed }) => Math.abs(description.time - now) - elapsed > clockGrace * 1000,
  );
  const fixSilent = 'start it, or retire it with “mco-deploy forget”';
  return [
    nodes.length === 0
      ? broken('nodes', 'none answers', 'check that daemons run, and how this client finds them (discovery)')
      : fine('nodes', `${count(nodes.length, 'node')} ${nodes.length === 1 ? 'answers' : 'answer'}`),
    ...off.map(({ name, description }) =>
      broken(
        'clock',
        `${name} says that it is ${new Date(description.time).toISOString()}`,
        'set its clock, or this one',
      ),
    ),
    ...nodes.flatMap(({ name, description }) =>
      description.warnings.map((warning) => doubtful('nodes', `${name}: ${warning}`, 'run “mco-deploy doctor” there')),
    ),
    ...failed.map(({ name, problem }) => broken('nodes', `${name}: ${problem.message}`, problem.hint)),
    ...silent.map(({ name, lastSeen, by }) =>
      broken('nodes', `${name} is silent, ${formatLastSeen(lastSeen, by)}`, fixSilent),
    ),
  ];
}
