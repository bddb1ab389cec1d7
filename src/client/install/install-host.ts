import { setTimeout as sleep } from 'node:timers/promises';
import { issue } from '../../ca/store/ledger.ts';
import { issuersPem } from '../../ca/store/store.ts';
import { fingerprintOf, keyOfRequest } from '../../ca/x509/request.ts';
import { Problem } from '../../core/errors.ts';
import { parseFindings } from '../../core/finding.ts';
import type { Address } from '../../core/node.ts';
import type { NodeDescription } from '../../core/wire/messages.ts';
import { fitToHost } from './debian.ts';
import { discard, enroll, placeFiles, upload } from './transfer.ts';
import type { InstallHostOptions } from './install-options.ts';
import { manifestName } from '../../core/node-files/manifest.ts';
import { makePlan, type Plan } from './plan.ts';
import { doctorScript, serviceScript } from './scripts.ts';
import { runOrThrow, openRemote, type Remote } from './ssh.ts';
import type { SshTarget } from './target.ts';

export interface HostResult {
  /** `incomplete`: files that others changed on the host differ from the desired ones, and were kept. */
  readonly state: 'installed' | 'unchanged' | 'planned' | 'incomplete';
  /** Whether the change waits for somebody to start, or restart, the daemon. */
  readonly pending: boolean;
  /** What was, or would be, changed. */
  readonly changes: readonly string[];
  /** Files that differ from the desired ones and were kept. */
  readonly kept: readonly string[];
  readonly warnings: readonly string[];
  /** Undefined when nothing was started. */
  readonly description?: NodeDescription;
  /** The fingerprint of the certified key. */
  readonly fingerprint?: string;
}

/**
 * Brings one host to its desired state. @throws Problem; the host is then unchanged, except for a service that does not
 * start
 */
export async function installHost(
  target: SshTarget,
  requested: InstallHostOptions,
  onPhase: (phase: string) => void,
): Promise<HostResult> {
  const remote = await openRemote(target, requested.ssh);
  try {
    onPhase('looking');
    const { options, warnings: before } = await fitToHost(requested, remote);
    const looked = await makePlan(target, options, remote);
    const plan = { ...looked, warnings: [...before, ...looked.warnings] };
    const { changes, kept, warnings } = plan;
    if (options.dryRun) return { state: 'planned', pending: false, changes, kept, warnings };
    return await carryOut(plan, target, options, remote, onPhase);
  } finally {
    await remote.close();
  }
}

/** Carries out the plan, and waits until the node answers. @throws Problem as {@link installHost} */
export async function carryOut(
  plan: Plan,
  target: SshTarget,
  options: InstallHostOptions,
  remote: Remote,
  onPhase: (phase: string) => void,
): Promise<HostResult> {
  const { changes, kept, warnings, verb, service } = plan;
  const fingerprint = isIdle(plan) ? undefined : await bring(plan, target, options, remote, onPhase);
  const hasVerb = changes.length > 0 && verb !== 'nothing';
  const starts = hasVerb && service !== 'none';
  if (starts) {
    onPhase('starting');
    const restart = { purpose: 'start the service', text: serviceScript, values: [service, verb] };
    await runOrThrow(remote, restart, plan.asRoot);
  }
  const state = kept.length > 0 ? 'incomplete' : changes.length > 0 ? 'installed' : 'unchanged';
  const pending = hasVerb && !starts;
  const done = { state, pending, changes, kept, warnings, ...(fingerprint && { fingerprint }) } as const;
  if (service === 'none' && !plan.answers) return done;
  onPhase('waiting');
  const description = await awaitNode(target, plan.address, options);
  if (description instanceof Problem) throw await explainSilence(description, plan, options, remote);
  return { ...done, description };
}

function isIdle({ write, remove, missing, manifest, bring: program, certify }: Plan): boolean {
  const files = write.length + remove.length + missing.length;
  return files === 0 && manifest === undefined && !program && certify === undefined;
}

/** @returns the fingerprint of the certified key, if there is one */
async function bring(
  plan: Plan,
  target: SshTarget,
  options: InstallHostOptions,
  remote: Remote,
  onPhase: (phase: string) => void,
): Promise<string | undefined> {
  const way = { remote, asRoot: plan.asRoot, desired: options.desired };
  const program = plan.bring ? options.program : undefined;
  const staging = await upload(way, program, (percent) => onPhase(`copying ${percent} %`));
  try {
    onPhase('enrolling');
    const request = plan.certify === undefined ? undefined : await enroll(way, staging, target.node);
    const certified = request === undefined ? undefined : await certify(request, target, options);
    onPhase('placing');
    const path = `${options.desired.paths.directory}/${manifestName}`;
    const manifest = plan.manifest === undefined ? [] : [{ path, content: plan.manifest, mode: 0o644, theirs: false }];
    const files = [...plan.write, ...(certified === undefined ? [] : [certified.file]), ...manifest];
    await placeFiles(way, staging, { files, remove: plan.remove, missing: plan.missing });
    return certified?.fingerprint;
  } catch (error) {
    await discard(way, staging);
    throw error;
  }
}

/** The request came over a login that ssh has secured, so nobody has to compare fingerprints. */
async function certify(request: string, { node, host }: SshTarget, { store, authority, desired }: InstallHostOptions) {
  const publicKey = await keyOfRequest(request, `the request that ${host} made`);
  const subject = { kind: 'node', name: node, publicKey, now: Date.now(), relay: desired.relay } as const;
  const certificate = await issue(store, await authority(), subject);
  const file = {
    path: desired.places.certificate,
    content: `${certificate}${issuersPem(store)}`,
    mode: 0o644,
    theirs: false,
  };
  return { file, fingerprint: fingerprintOf(publicKey) };
}

const askInterval = 300;

/** @returns the node's description of itself, or the last reason why there is none */
async function awaitNode(
  { node }: SshTarget,
  address: Address,
  options: InstallHostOptions,
): Promise<NodeDescription | Problem> {
  const deadline = performance.now() + options.patience;
  for (;;) {
    try {
      return await options.describe(node, address);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (performance.now() > deadline || options.ssh.signal.aborted) return error;
      await sleep(askInterval, undefined, { signal: options.ssh.signal }).catch(() => {});
    }
  }
}

const vital = new Set(['configuration', 'certificate', 'audit log', 'state', 'port']);

/** The host's own findings are more useful than the fact that it does not answer. */
async function explainSilence(
  silence: Problem,
  { asRoot }: Plan,
  { desired: { paths } }: InstallHostOptions,
  remote: Remote,
): Promise<Problem> {
  const values = [paths.program, `${paths.directory}/node.yaml`];
  const { out } = await remote.run({ purpose: 'run doctor on the host', text: doctorScript, values }, asRoot);
  const wrong = (parseFindings(out) ?? []).filter(({ status }) => status !== 'ok');
  // An agent with a missing part does not keep the daemon from answering.
  const found =
    wrong.find(({ check, status }) => status === 'broken' && vital.has(check)) ??
    wrong.find(({ check }) => check === 'port');
  const message = `it is installed, but does not answer: ${silence.message}`;
  if (found === undefined) return new Problem('no-answer', message, 'see its log', { cause: silence });
  return new Problem('no-answer', `${message}; the host reports: ${found.check}: ${found.what}`, found.fix, {
    cause: silence,
  });
}
