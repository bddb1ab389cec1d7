import { readRevocations } from '../../ca/revocation/revocations.ts';
import type { AgentEntry, CheckExternalAgents } from '../../core/agent.ts';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { checkCredentials } from '../../core/credentials/doctor.ts';
import { broken, doubtful, runCheck, type Finding, fine } from '../../core/finding.ts';
import { loadNodeConfig, type NodeConfig, truthSources } from '../config/config.ts';
import { runCommand } from '../exec/run-command.ts';
import { startNodeTruth } from '../facts/node-truth.ts';
import { startPolicies } from '../agents/policies.ts';
import { silentLog } from '../system/silent-log.ts';
import { auditNotesFile, openAuditNotes } from '../audit/notes.ts';
import { checkClock } from './clock.ts';
import { checkDisk } from './disk.ts';
import { checkMetrics } from './metrics.ts';
import { checkNetwork } from './network.ts';
import { checkRelay } from './relay.ts';
import { doctorInSandbox } from './sandbox.ts';
import { checkShipping } from './shipping.ts';

/** The agents that are built in, and how those in other languages are read. */
export interface KnownToDoctor {
  readonly agents: readonly AgentEntry[];
  readonly checkExternal: CheckExternalAgents;
}

/**
 * Checks everything that a daemon with this configuration needs, whether it runs or not: as its service would run it,
 * if root asks. Changes nothing.
 */
export async function doctorNode(
  configFile: string,
  known: KnownToDoctor,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const inside = await doctorInSandbox(configFile, runCommand, signal);
  if (inside !== undefined && inside.length > 1) return inside;
  return [...(inside ?? []), ...(await check(configFile, known, signal))];
}

async function check(
  configFile: string,
  { agents, checkExternal }: KnownToDoctor,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  let config: NodeConfig | undefined;
  const first = await runCheck('configuration', 'docs/daemon.md explains every key', async () => {
    config = await loadNodeConfig(configFile, agents);
    return fine('configuration', `${configFile} enables ${Object.keys(config.agents).join(', ') || 'no agent'}`);
  });
  if (config === undefined) return first;
  const { findings, state } = await checkCredentials(config.tls, 'node', readRevocations, Date.now());
  const groups = await Promise.all([
    checkClock(config.audit.file, runCommand, signal),
    checkRulesAndExternal(config, agents, checkExternal),
    checkDisk(config),
    checkNetwork(config, state, signal),
    checkAuditLog(config),
    checkShipping(config),
    checkMetrics(config),
    checkRelay(config, state),
    checkAgents(config, agents, signal),
  ]);
  return [...first, ...findings, ...groups.flat()];
}

/** The agents in other languages, and the rules, which may be about them. */
async function checkRulesAndExternal(
  config: NodeConfig,
  agents: readonly AgentEntry[],
  checkExternal: CheckExternalAgents,
): Promise<readonly Finding[]> {
  const builtIn = agents.map(({ ddl }) => ddl);
  const taken = builtIn.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  let external: readonly Ddl[] = [];
  const findings = await runCheck('external', 'see docs/external-agents.md', async () => {
    const { ddls, refused } = await checkExternal({ directory: config.external.directory, taken });
    external = ddls;
    return refused.map((why) => broken('external', why, 'correct it, then reload the daemon (SIGHUP)'));
  });
  return [...findings, ...(await checkRules(config, [...builtIn, ...external]))];
}

/** Policies, facts and classes, read as the daemon reads them. */
async function checkRules(config: NodeConfig, known: readonly Ddl[]): Promise<readonly Finding[]> {
  const truth = await startNodeTruth(truthSources(config), runCommand, silentLog);
  const self = async () => ({ name: '', agents: [], classes: truth.classes(), facts: truth.facts() });
  const policies = await startPolicies(config.policies, self, silentLog, () => known);
  const remarks = policies.remarks();
  const wrong = [
    ...policies
      .warnings()
      .filter((what) => !remarks.includes(what))
      .map((what) => broken('policies', what, '“mco-deploy policy check” shows every fault')),
    ...truth.warnings().map((what) => broken('facts', what, 'correct the file')),
  ];
  const notes = [
    ...truth.notes().map((what) => doubtful('facts', what, 'write the value as text')),
    ...remarks.map((what) => doubtful('policies', what, 'rename the file, or correct the rule')),
  ];
  return wrong.length > 0
    ? [...wrong, ...notes]
    : [...notes, fine('policies', `those in ${config.policies}, and facts and classes, can be read`)];
}

/** The daemon's notes about its audit log that nobody has acknowledged. */
async function checkAuditLog({ state }: NodeConfig): Promise<readonly Finding[]> {
  const notes = await openAuditNotes(auditNotesFile(state));
  const hint = 'find out who did it, then “mco-deploy rpc audit acknowledge -I NODE”';
  const incidents = notes.incidents().map(({ at, what }) => broken('audit log', `${what} (${at})`, hint));
  const faults = notes.faults().map((what) => broken('audit log', what, 'run this as the user of the daemon'));
  return [...incidents, ...faults];
}

async function checkAgents(
  config: NodeConfig,
  agents: readonly AgentEntry[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const enabled = agents.filter(({ ddl }) => Object.hasOwn(config.agents, ddl.name));
  const each = enabled.map(async ({ ddl, doctor: load }) => {
    if (load === undefined) return [];
    const check = await load();
    return check({ config: (config.agents[ddl.name] ?? {}) as never, run: runCommand, signal });
  });
  return (await Promise.all(each)).flat();
}
