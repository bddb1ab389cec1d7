import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Authority } from '../../../ca/authority.ts';
import { issue } from '../../../ca/ledger.ts';
import { fingerprintOf, keyOfRequest } from '../../../ca/request.ts';
import { type Store, trustedPem } from '../../../ca/store.ts';
import { Problem } from '../../../core/errors.ts';
import type { Address } from '../../../core/node.ts';
import type { NodeDescription } from '../../../core/wire/messages.ts';
import { type Installed, judgeHost, parseInstalled, parseLook, planFiles, whyCertificate } from './host.ts';
import { discard, enroll, place, upload } from './place.ts';
import type { Program } from './program.ts';
import { lookScript, probeScript, serviceScript } from './scripts.ts';
import { must, openRemote, type Remote, type SshSettings } from './ssh.ts';
import type { Target } from './target.ts';
import { unitFile, unitText } from './unit.ts';
import type { Wanted, WantedFile } from './wanted.ts';

/** What is the same for all hosts. */
export interface InstallOrder {
  readonly program: Program;
  readonly wanted: Wanted;
  readonly store: Store;
  /** Opens the CA’s key, the first time it is asked. */
  readonly authority: () => Promise<Authority>;
  /** `systemd`, `none`, or the path of an init script; by what the host has when undefined. */
  readonly service: string | undefined;
  readonly dryRun: boolean;
  /** Whether files that were changed on the host are replaced. */
  readonly replace: boolean;
  readonly ssh: SshSettings;
  /** Connects to the node by mutual TLS and has it describe itself. @throws Problem */
  readonly describe: (node: string, address: Address) => Promise<NodeDescription>;
  /** Milliseconds for a started node to answer. */
  readonly patience: number;
}

export interface HostResult {
  readonly state: 'installed' | 'unchanged' | 'planned';
  /** What was, or would be, changed. */
  readonly changes: readonly string[];
  /** Files that differ from what was asked for and were left as they are. */
  readonly kept: readonly string[];
  readonly warnings: readonly string[];
  /** Undefined when nothing was started. */
  readonly description?: NodeDescription;
  /** The fingerprint of the key that was certified. */
  readonly fingerprint?: string;
}

/** Brings one host to where it is to be. @throws Problem; the host is as it was then, save for a service that does not come up */
export async function installHost(
  target: Target,
  order: InstallOrder,
  onPhase: (phase: string) => void,
): Promise<HostResult> {
  const remote = await openRemote(target, order.ssh);
  try {
    onPhase('looking');
    const plan = await makePlan(target, order, remote);
    const { changes, kept, warnings } = plan;
    if (order.dryRun) return { state: 'planned', changes, kept, warnings };
    const fingerprint =
      plan.files.length + Number(plan.bring) + Number(plan.certify !== undefined) === 0
        ? undefined
        : await carryOut(plan, target, order, remote, onPhase);
    if (changes.length > 0 && plan.service !== 'none') {
      onPhase('starting');
      await must(
        remote,
        { purpose: 'start the service', text: serviceScript, values: [plan.service, 'restart'] },
        plan.asRoot,
      );
    }
    const state = changes.length > 0 ? 'installed' : 'unchanged';
    const done = { state, changes, kept, warnings, ...(fingerprint === undefined ? {} : { fingerprint }) } as const;
    if (plan.service === 'none' && !plan.answers) return done;
    onPhase('waiting');
    return { ...done, description: await awaitNode(target, plan.address, order) };
  } finally {
    await remote.close();
  }
}

interface Plan {
  readonly asRoot: boolean;
  readonly service: string;
  readonly address: Address;
  /** Whether the program is to be brought over. */
  readonly bring: boolean;
  /** Why a certificate is to be made; undefined for none. */
  readonly certify: string | undefined;
  readonly files: readonly WantedFile[];
  readonly answers: boolean;
  readonly changes: readonly string[];
  readonly kept: readonly string[];
  readonly warnings: readonly string[];
}

async function makePlan(target: Target, order: InstallOrder, remote: Remote): Promise<Plan> {
  const { program, wanted, store } = order;
  const { places, paths } = wanted;
  const directories = [dirname(paths.program), paths.directory, places.state, dirname(places.auditFile)];
  const text = await must(remote, { purpose: 'look at the host', text: lookScript, values: directories }, false);
  const look = parseLook(text, Date.now());
  const { asRoot, warnings } = judgeHost(look, program, directories);
  const service = order.service ?? (look.systemd ? 'systemd' : 'none');
  if (service === 'systemd' && !look.systemd) {
    throw new Problem('no-systemd', 'the host has no systemd', 'say --service none, or name an init script there');
  }
  const withUnit = service === 'systemd' && program.form === 'binary';
  const unit = { path: unitFile, content: unitText(paths.program, paths.directory), mode: 0o644, theirs: false };
  const all = withUnit ? [...wanted.files, unit] : wanted.files;
  const values = [
    paths.program,
    places.certificate,
    places.ca,
    places.key,
    String(places.port),
    ...all.map(({ path }) => path),
  ];
  const probe = { purpose: 'look at what is installed', text: probeScript, values };
  const installed = parseInstalled(await must(remote, probe, asRoot));

  const certify = whyCertificate(installed, target.node, { pem: trustedPem(store), realm: store.realm }, Date.now());
  if (certify === 'is of another CA' && !order.replace) {
    throw new Problem(
      'other-fleet',
      'the host belongs to another fleet: its certificate is of another CA',
      'take it over with --replace',
    );
  }
  const address = { host: await remote.address(), port: places.port };
  const answers = await isOurs(target, address, installed, order);
  const { write, kept } = planFiles(
    all,
    installed,
    (content) => createHash('sha256').update(content).digest('hex'),
    order.replace,
  );
  const bring =
    program.form === 'package' ? installed.packageVersion !== program.version : installed.program !== program.sha256;
  const changes = [
    ...(bring ? [program.form === 'package' ? `package ${program.version}` : paths.program] : []),
    ...(certify === undefined ? [] : [`certificate (${certify})`]),
    ...write.map(({ path }) => path),
    ...(answers || service === 'none' ? [] : ['start']),
  ];
  return { asRoot, service, address, bring, certify, files: write, answers, changes, kept, warnings };
}

/** Whether the node answers already. @throws Problem `port-in-use` when something else does */
async function isOurs(target: Target, address: Address, installed: Installed, order: InstallOrder): Promise<boolean> {
  if (!installed.listening) return false;
  const inUse = new Problem(
    'port-in-use',
    `something else listens on port ${address.port}`,
    'stop it, or give the node another port: listen in --node-config',
  );
  try {
    await order.describe(target.node, address);
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const strange = ['unreachable', 'handshake-failed', 'wrong-node'].includes(error.code);
    if (strange || installed.certificate === '') throw inUse;
    return false;
  }
}

/** @returns the fingerprint of the key that was certified, if any was */
async function carryOut(
  plan: Plan,
  target: Target,
  order: InstallOrder,
  remote: Remote,
  onPhase: (phase: string) => void,
): Promise<string | undefined> {
  const way = { remote, asRoot: plan.asRoot, wanted: order.wanted };
  const program = plan.bring ? order.program : undefined;
  const staging = await upload(way, program, (percent) => onPhase(`copying ${percent} %`));
  try {
    onPhase('enrolling');
    const request = plan.certify === undefined ? undefined : await enroll(way, staging, target.node);
    const certified = request === undefined ? undefined : await certify(request, target, order);
    onPhase('placing');
    await place(way, staging, [...plan.files, ...(certified === undefined ? [] : [certified.file])]);
    return certified?.fingerprint;
  } catch (error) {
    await discard(way, staging);
    throw error;
  }
}

/** The request came over a login that ssh has secured, so nobody has to compare fingerprints. */
async function certify(request: string, { node }: Target, { store, authority, wanted }: InstallOrder) {
  const publicKey = await keyOfRequest(request);
  const about = { kind: 'node', name: node, publicKey, now: Date.now() } as const;
  const certificate = await issue(store, await authority(), about);
  const file = { path: wanted.places.certificate, content: certificate.toString(), mode: 0o644, theirs: false };
  return { file, fingerprint: fingerprintOf(publicKey) };
}

const askInterval = 300;

async function awaitNode({ node }: Target, address: Address, order: InstallOrder): Promise<NodeDescription> {
  const deadline = performance.now() + order.patience;
  for (;;) {
    try {
      return await order.describe(node, address);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (performance.now() > deadline || order.ssh.signal.aborted) {
        const hint = 'see its log, or run “mco-deploy doctor node” there';
        throw new Problem('no-answer', `it is installed, but does not answer: ${error.message}`, hint, {
          cause: error,
        });
      }
      await sleep(askInterval, undefined, { signal: order.ssh.signal }).catch(() => {});
    }
  }
}
