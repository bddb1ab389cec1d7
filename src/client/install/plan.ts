import { dirname } from 'node:path';
import { trustedPem } from '../../ca/store/store.ts';
import { Problem } from '../../core/errors.ts';
import type { Address } from '../../core/node.ts';
import { type Installed, judgeHost, parseInstalled, parseInspection, certificateReason } from './inspect.ts';
import { manifestName, parseManifest } from '../../core/node-files/manifest.ts';
import { type FilePlan, type FileState, planFiles } from './files/plan-files.ts';
import type { InstallHostOptions } from './install-options.ts';
import { inspectScript, probeScript } from './scripts.ts';
import { runOrThrow, type Remote } from './ssh.ts';
import type { SshTarget } from './target.ts';
import { systemFiles } from './files/system-files.ts';
import type { DesiredFile } from './files/desired-files.ts';

/** The plan for a host. */
export interface Plan extends FilePlan {
  readonly asRoot: boolean;
  readonly service: string;
  readonly address: Address;
  /** Whether the program must be copied. */
  readonly bring: boolean;
  /** Why a certificate must be issued; undefined for none. */
  readonly certify: string | undefined;
  /** Directories to create. */
  readonly missing: readonly string[];
  readonly answers: boolean;
  /** The action for the service. */
  readonly verb: 'nothing' | 'reload' | 'restart';
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  /** The current files, by path. */
  readonly states: ReadonlyMap<string, FileState>;
}

/**
 * Checks a host twice: first whether and as which user it can be installed, then its current state. Changes nothing.
 * @throws Problem
 */
export async function makePlan(target: SshTarget, options: InstallHostOptions, remote: Remote): Promise<Plan> {
  const { program, desired, store } = options;
  const { places, paths } = desired;
  const written = [dirname(paths.program), paths.staging, paths.directory, places.state, dirname(places.auditFile)];
  const directories = [...new Set(written)];
  const text = await runOrThrow(remote, { purpose: 'check the host', text: inspectScript, values: directories }, false);
  const inspection = parseInspection(text, Date.now());
  const { asRoot, warnings } = judgeHost(inspection, program, directories);
  const service = chooseService(options.service, inspection.systemd);
  const installed = await probe(
    desired.files.map(({ path }) => path),
    options,
    remote,
    asRoot,
  );
  const system = systemFiles(desired, program, service, installed.groups);
  const all = [...desired.files, ...(desired.forService?.(service) ?? []), ...system];
  const states = await statesOf(all, installed, options, remote, asRoot);

  const certify = certificateReason(installed, target.node, { pem: trustedPem(store), realm: store.realm }, Date.now());
  if (certify === 'is of another CA' && !options.replace) {
    const what = 'the host belongs to another fleet: its certificate was issued by another CA';
    throw new Problem('other-fleet', what, 'take it over with --replace');
  }
  const address = { host: await remote.address(), port: places.port };
  const answers = await isOurs(target, address, installed, options);
  const files = planFiles(all, states, installed.manifest, {
    replace: options.replace,
    ...(desired.owns === undefined ? {} : { own: desired.owns }),
  });
  const isPackage = program.form === 'package';
  const bring = isPackage ? installed.packageVersion !== program.version : installed.program !== program.sha256;
  const verb = verbFor({ bring, certify, answers, ...files }, service);
  const changes = [
    ...(bring ? [isPackage ? `package ${program.version}` : paths.program] : []),
    ...(certify === undefined ? [] : [`certificate (${certify})`]),
    ...files.write.map(({ path }) => path),
    ...files.remove.map((path) => `${path} (removed)`),
    ...installed.missing.map((path) => `${path}/`),
    ...(answers || service === 'none' ? [] : ['start']),
  ];
  const { missing } = installed;
  return { asRoot, service, address, bring, certify, missing, answers, verb, changes, warnings, states, ...files };
}

/** A restart only if necessary; an init script may not support a reload. */
function verbFor(
  { bring, certify, answers, write, remove }: Pick<Plan, 'bring' | 'certify' | 'answers' | 'write' | 'remove'>,
  service: string,
): Plan['verb'] {
  const needs = write.map((file) => file.needs);
  if (bring || certify !== undefined || !answers || needs.includes('restart')) return 'restart';
  if (!needs.includes('reload') && remove.length === 0) return 'nothing';
  return service === 'systemd' ? 'reload' : 'restart';
}

/** The files, including those of the manifest that are no longer declared. */
async function statesOf(
  files: readonly DesiredFile[],
  installed: Installed,
  options: InstallHostOptions,
  remote: Remote,
  asRoot: boolean,
): Promise<ReadonlyMap<string, FileState>> {
  const { files: desired, owns = () => false } = options.desired;
  const known = new Map(desired.map(({ path }, index) => [path, installed.files[index] ?? { sum: '', text: '' }]));
  const before = Object.keys(parseManifest(installed.manifest)).filter(owns);
  const more = [...new Set([...files.map(({ path }) => path), ...before])].filter((path) => !known.has(path));
  if (more.length === 0) return known;
  const { files: states } = await probe(more, options, remote, asRoot);
  return new Map([...known, ...more.map((path, index) => [path, states[index] ?? { sum: '', text: '' }] as const)]);
}

/** @throws Problem `no-systemd` */
function chooseService(requested: string | undefined, systemd: boolean): string {
  if (requested !== 'systemd' || systemd) return requested ?? (systemd ? 'systemd' : 'none');
  throw new Problem('no-systemd', 'the host has no systemd', 'use --service none, or name an init script there');
}

async function probe(
  paths: readonly string[],
  { desired: { paths: at, places, directories, sockets } }: InstallHostOptions,
  remote: Remote,
  asRoot: boolean,
): Promise<Installed> {
  const known = [at.program, places.certificate, places.ca, places.key, String(places.port)];
  const values = [...known, `${at.directory}/${manifestName}`, ...directories, '--', ...sockets, '--', ...paths];
  return parseInstalled(
    await runOrThrow(remote, { purpose: 'check what is installed', text: probeScript, values }, asRoot),
  );
}

/** Whether the node answers already. @throws Problem `port-in-use` when something else does */
async function isOurs(
  target: SshTarget,
  address: Address,
  installed: Installed,
  options: InstallHostOptions,
): Promise<boolean> {
  if (!installed.listening) return false;
  const inUse = new Problem(
    'port-in-use',
    `another program listens on port ${address.port}`,
    'stop it, or give the node another port: listen in --node-config',
  );
  try {
    await options.describe(target.node, address);
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const strange = ['unreachable', 'handshake-failed', 'wrong-node'].includes(error.code);
    if (strange || installed.certificate === '') throw inUse;
    return false;
  }
}
