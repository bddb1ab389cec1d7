import { once } from '../../../core/waiting/concurrency.ts';
import { Problem } from '../../../core/errors.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { suggest } from '../../../core/text.ts';
import { cutBatches } from '../../../library/fleet/batches.ts';
import type { FabricTransport } from '../../apply/call-config.ts';
import { planOverFabric } from '../../apply/over-fabric.ts';
import { planOverSsh } from '../../apply/over-ssh.ts';
import type { CliContext } from '../../cli/context.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { discoveryOf } from '../../fleet-file/declared.ts';
import { findFleetFile, typedFleetFile } from '../../fleet-file/find.ts';
import { lockOut } from '../../fleet-file/lock-out.ts';
import type { Fleet, Host, NodeParts } from '../../fleet-file/model.ts';
import { readFleet } from '../../fleet-file/read.ts';
import { onHosts } from '../../install/hosts.ts';
import { proceed } from './carry-out.ts';
import { openSshTransport } from './open-ssh.ts';
import type { ApplyOptions, ProgramParts } from './options.ts';

/** Makes the hosts match fleet.yaml. Everything is read and shown before anything is changed. */
export async function runApply(
  file: string | undefined,
  options: ApplyOptions,
  self: ProgramParts,
  context: CliContext,
): Promise<number> {
  // Refuses an invalid --batch before anything is read.
  cutBatches([], options.batch);
  const parts = await self.load();
  const fleet = await readFleet(findFleetFile(typedFleetFile(file, options.fleet)), parts);
  const hosts = chooseHosts(fleet, options.host);
  return await withSession(options, context, async (session) => {
    if (options.force !== true) refuseLockOut(session.caller.credentials.identity.name, hosts, fleet, parts);
    const openWay = once(() => openSshTransport(fleet, options, self, session, context));
    const nodes = options.ssh === true ? new Map<string, FoundNode>() : await findNodes(hosts, fleet, session);
    const fabric: FabricTransport = {
      ddl: self.configDdl,
      session,
      replace: options.replace === true,
      signal: context.signal,
    };
    const plan = async (host: Host) => {
      const node = nodes.get(host.name);
      if (node !== undefined) return await planOverFabric(host, node, fleet, parts, fabric);
      return await planOverSsh(host, fleet, parts, await openWay());
    };
    const targets = hosts.map((host) => ({ node: host.name, host }));
    const work = ({ host }: { host: Host }) => plan(host);
    const endings = await onHosts(targets, { title: 'look', parallel: options.parallel, work }, context);
    const plans = endings.flatMap((ending) => ('result' in ending ? [ending.result] : []));
    try {
      return await proceed(endings, plans, options, context);
    } finally {
      await Promise.all(plans.map(({ close }) => close()));
    }
  });
}

/** Seconds for a host to answer that may not be a node yet. */
const answerTime = 3;

/** The hosts that are nodes already, and can be changed over the fabric. */
async function findNodes(hosts: readonly Host[], fleet: Fleet, session: Session): Promise<Map<string, FoundNode>> {
  const terms = { wi: hosts.map(({ name }) => name), ...discoveryOf(fleet, {}), timeout: answerTime };
  const { nodes } = await session.find(readTargetOptions(terms, undefined));
  const changeable = nodes.filter(({ description }) => description.agents.some(({ name }) => name === 'config'));
  return new Map(changeable.map((node) => [node.name, node]));
}

/** @throws Problem `usage` */
function chooseHosts({ hosts }: Fleet, names: readonly string[] | undefined): readonly Host[] {
  if (names === undefined) return hosts;
  const known = hosts.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Problem('usage', `fleet.yaml has no host “${unknown}”`, suggest(unknown, known));
  return hosts.filter(({ name }) => names.includes(name));
}

/** @throws Problem `locks-out` */
function refuseLockOut(operator: string, hosts: readonly Host[], fleet: Fleet, parts: NodeParts): void {
  for (const host of hosts) {
    const why = lockOut(operator, host, fleet, parts);
    if (why === undefined) continue;
    const hint = 'give yourself the right in fleet.yaml, or apply it with --force';
    throw new Problem('locks-out', `this would lock you out of ${host.name}: ${why}`, hint);
  }
}
