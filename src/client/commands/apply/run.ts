import { dirname, resolve } from 'node:path';
import { readStoredCrl } from '../../../ca/store/records.ts';
import { trustedPem } from '../../../ca/store/store.ts';
import type { Authority } from '../../../ca/x509/authority.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { count, printable, suggest } from '../../../core/text.ts';
import { cutWithCanary } from '../../apply/batches.ts';
import { changesNothing, type HostPlan } from '../../apply/host-plan.ts';
import { planJson } from '../../apply/json.ts';
import { formatPlans, summaryLine } from '../../apply/show.ts';
import type { FabricWay } from '../../apply/call-config.ts';
import { planOverFabric } from '../../apply/fabric-way.ts';
import { planOverSsh, type SshWay } from '../../apply/ssh-way.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { discoveryOf } from '../../fleet-file/declared.ts';
import { findFleetFile } from '../../fleet-file/find.ts';
import { lockOut } from '../../fleet-file/lock-out.ts';
import type { Fleet, Host, LoadNodeParts, NodeParts } from '../../fleet-file/model.ts';
import { readFleet } from '../../fleet-file/read.ts';
import { type Ending, onHosts, tellProblem } from '../../install/hosts.ts';
import { openProgram } from '../../install/program.ts';
import { askPerson, isOnTerminal } from '../../runs/prompts.ts';
import type { RemoteOptions } from '../install/options.ts';
import { debianOf, describer, pathsOf, requireService, sshSettings } from '../install/run.ts';

export interface ApplyOptions extends Omit<RemoteOptions, 'hosts'> {
  readonly host?: readonly string[];
  readonly batch?: string;
  readonly replace?: boolean;
  readonly force?: boolean;
  readonly ssh?: boolean;
  readonly yes?: boolean;
  readonly binary?: string;
  readonly package?: string;
  /** Seconds. */
  readonly wait: number;
  readonly caDir?: string;
  readonly passphraseFile?: string;
}

/** What only the whole program knows. */
interface Self {
  readonly load: LoadNodeParts;
  /** The file that runs now. */
  readonly own: string;
  /** Describes the agent that nodes are changed by. */
  readonly configDdl: Ddl;
}

/** Makes the hosts what fleet.yaml says. Everything is looked at and shown before anything is changed. */
export async function runApply(
  given: string | undefined,
  options: ApplyOptions,
  self: Self,
  context: CliContext,
): Promise<number> {
  const parts = await self.load();
  const fleet = await readFleet(findFleetFile(given), parts);
  const hosts = chooseHosts(fleet, options.host);
  return await withSession(options, context, async (session) => {
    if (options.force !== true) refuseLockOut(session.caller.credentials.identity.name, hosts, fleet, parts);
    const openWay = once(() => openSshWay(fleet, options, self, session, context));
    const nodes = options.ssh === true ? new Map<string, FoundNode>() : await findNodes(hosts, fleet, session);
    const fabric: FabricWay = {
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
    const endings = await onHosts('look', targets, options.parallel, work, () => {}, context);
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

/** The hosts that are nodes already, and let themselves be changed over the fabric. */
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

type Looked = Ending<HostPlan, { readonly node: string; readonly host: Host }>;

async function proceed(
  endings: readonly Looked[],
  plans: readonly HostPlan[],
  options: ApplyOptions,
  context: CliContext,
): Promise<number> {
  const json = options.json === true;
  for (const ending of endings) if ('problem' in ending && !json) tellProblem(ending.target, ending.problem, context);
  const { err } = context;
  for (const plan of plans) for (const warning of plan.warnings) err(printable(`warning: ${plan.node}: ${warning}`));
  const failed = endings.length - plans.length;
  const changed = plans.filter((plan) => !changesNothing(plan));
  const kept = plans.some((plan) => plan.kept.length > 0);
  const ending = kept ? exitCode.someFailed : exitCode.ok;
  if (json && (options.dryRun === true || failed > 0 || changed.length === 0)) context.out(planJson(endings));
  if (!json) for (const line of formatPlans(plans)) context.out(printable(line));
  if (context.signal.aborted) return exitCode.interrupted;
  if (failed > 0) {
    err(`nothing was changed: ${count(failed, 'host')} could not be checked; name the others with --host to go ahead`);
    return exitCode.someFailed;
  }
  if (changed.length === 0) {
    if (!json) context.out(nothingToDo(plans, kept));
    return ending;
  }
  if (!json) context.out(summaryLine(plans));
  if (options.dryRun === true) return ending;
  if (!(await isAgreed(changed.length, options, context))) {
    throw new Problem('not-agreed', 'nothing was changed', 'apply it again, or with --yes');
  }
  return (await changeHosts(changed, options, context)) ? ending : exitCode.someFailed;
}

function nothingToDo(plans: readonly HostPlan[], kept: boolean): string {
  if (kept) return 'nothing to do except in files that others changed: --replace overwrites them';
  return `nothing to do: ${count(plans.length, 'host is', 'hosts are')} as fleet.yaml says`;
}

/** A job that has no terminal has said what it wants by its command. */
async function isAgreed(hosts: number, { yes, json }: ApplyOptions, context: CliContext): Promise<boolean> {
  if (yes === true || json === true || !isOnTerminal(context)) return true;
  return await askPerson(`Change ${count(hosts, 'host')}?`, context.signal, context);
}

/** A canary first, then the others in batches; what fails stops the next batch. @returns whether all went well */
async function changeHosts(plans: readonly HostPlan[], options: ApplyOptions, context: CliContext): Promise<boolean> {
  const { out, err } = context;
  const batches = cutWithCanary(plans, options.batch);
  const results: object[] = [];
  for (const [index, batch] of batches.entries()) {
    const endings = await onHosts(
      index === 0 ? 'the first host' : `batch ${index} of ${batches.length - 1}`,
      batch,
      options.parallel,
      (plan, onPhase) => plan.carryOut(onPhase),
      (ending) => {
        if ('problem' in ending) return tellProblem(ending.target, ending.problem, context);
        for (const warning of ending.result.warnings) err(printable(`warning: ${ending.target.node}: ${warning}`));
        const but = ending.target.kept.length > 0 ? ', except for files that others changed' : '';
        if (options.json !== true) out(`${ending.target.node} is as fleet.yaml says${but}`);
      },
      context,
    );
    results.push(...endings.map((ending) => resultJson(ending)));
    const failed = endings.filter((ending) => 'problem' in ending);
    const untouched = batches.slice(index + 1).flat();
    if (failed.length === 0 && !context.signal.aborted) continue;
    results.push(...untouched.map(({ node }) => ({ host: node, state: 'untouched' })));
    if (options.json === true) out(JSON.stringify({ hosts: results }, null, 2));
    if (untouched.length > 0) err(`not touched: ${untouched.map(({ node }) => node).join(', ')}`);
    err('to continue: correct the cause, then apply again');
    return false;
  }
  if (options.json === true) out(JSON.stringify({ hosts: results }, null, 2));
  return true;
}

function resultJson(ending: Ending<{ readonly warnings: readonly string[] }, HostPlan>): object {
  const host = ending.target.node;
  if ('result' in ending) return { host, way: ending.target.way, state: 'changed', warnings: ending.result.warnings };
  const { code, message, hint } = ending.problem;
  return { host, way: ending.target.way, state: 'failed', code, message, hint };
}

/** The CA is opened only where a host is reached by ssh. */
async function openSshWay(
  { ssh, file }: Fleet,
  options: ApplyOptions,
  { own }: Self,
  session: Session,
  context: CliContext,
): Promise<SshWay> {
  const caOptions = {
    ...(options.caDir === undefined ? {} : { dir: options.caDir }),
    ...(options.passphraseFile === undefined ? {} : { passphraseFile: options.passphraseFile }),
  };
  const program = await openProgram(options, own);
  const store = await openCa(caOptions, context);
  const crl = await readStoredCrl(store);
  const service = options.service ?? ssh.service;
  const user = options.user ?? ssh.user;
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(dirname(file), path));
  const { sshConfig = at(ssh.config), identity = at(ssh.identity) } = options;
  const login = {
    ...(sshConfig === undefined ? {} : { sshConfig }),
    ...(identity === undefined ? {} : { identity }),
    acceptNewHostKeys: options.acceptNewHostKeys ?? ssh.accept_new_host_keys ?? false,
  };
  return {
    paths: pathsOf(program, options),
    trust: { ca: trustedPem(store), ...(crl === undefined ? {} : { crl }) },
    ...(user === undefined ? {} : { user }),
    options: {
      program,
      ...(await debianOf(options, program, own)),
      store,
      authority: once((): Promise<Authority> => unlockCa(store, caOptions, context)),
      service: service === undefined ? undefined : requireService(service),
      dryRun: false,
      replace: options.replace === true,
      ssh: sshSettings(login, context),
      describe: describer(session, context),
      patience: options.wait * 1000,
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
