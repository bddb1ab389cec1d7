import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { trustedPem } from '../../ca/store/store.ts';
import { Problem } from '../../core/errors.ts';
import type { Address } from '../../core/node.ts';
import { type Installed, judgeHost, parseInstalled, parseLook, planFiles, whyCertificate } from './inspect.ts';
import type { InstallHostOptions } from './install-options.ts';
import { lookScript, probeScript } from './scripts.ts';
import { must, type Remote } from './ssh.ts';
import type { SshTarget } from './target.ts';
import { unitFile, unitText } from './unit.ts';
import type { Paths, DesiredFile } from './desired-files.ts';

/** What is to be done on a host. */
export interface Plan {
  readonly asRoot: boolean;
  readonly service: string;
  readonly address: Address;
  /** Whether the program is to be brought over. */
  readonly bring: boolean;
  /** Why a certificate is to be made; undefined for none. */
  readonly certify: string | undefined;
  readonly files: readonly DesiredFile[];
  readonly answers: boolean;
  readonly changes: readonly string[];
  readonly kept: readonly string[];
  readonly warnings: readonly string[];
}

/** Looks at a host twice: whether it can be installed at all, and as whom; then at what is there. Changes nothing. @throws Problem */
export async function makePlan(target: SshTarget, options: InstallHostOptions, remote: Remote): Promise<Plan> {
  const { program, wanted, store } = options;
  const { places, paths } = wanted;
  const written = [dirname(paths.program), paths.staging, paths.directory, places.state, dirname(places.auditFile)];
  const directories = [...new Set(written)];
  const text = await must(remote, { purpose: 'check the host', text: lookScript, values: directories }, false);
  const look = parseLook(text, Date.now());
  const { asRoot, warnings } = judgeHost(look, program, directories);
  const service = chooseService(options.service, look.systemd);
  const all = service === 'systemd' && program.form === 'binary' ? [...wanted.files, unitOf(paths)] : wanted.files;
  const installed = await probe(all, options, remote, asRoot);

  const certify = whyCertificate(installed, target.node, { pem: trustedPem(store), realm: store.realm }, Date.now());
  if (certify === 'is of another CA' && !options.replace) {
    const what = 'the host belongs to another fleet: its certificate was issued by another CA';
    throw new Problem('other-fleet', what, 'take it over with --replace');
  }
  const address = { host: await remote.address(), port: places.port };
  const answers = await isOurs(target, address, installed, options);
  const { write, kept } = planFiles(all, installed, sumOf, options.replace);
  const isPackage = program.form === 'package';
  const bring = isPackage ? installed.packageVersion !== program.version : installed.program !== program.sha256;
  const changes = [
    ...(bring ? [isPackage ? `package ${program.version}` : paths.program] : []),
    ...(certify === undefined ? [] : [`certificate (${certify})`]),
    ...write.map(({ path }) => path),
    ...(answers || service === 'none' ? [] : ['start']),
  ];
  return { asRoot, service, address, bring, certify, files: write, answers, changes, kept, warnings };
}

/** @throws Problem `no-systemd` */
function chooseService(asked: string | undefined, systemd: boolean): string {
  if (asked !== 'systemd' || systemd) return asked ?? (systemd ? 'systemd' : 'none');
  throw new Problem('no-systemd', 'the host has no systemd', 'say --service none, or name an init script there');
}

function unitOf({ program, directory }: Paths): DesiredFile {
  return { path: unitFile, content: unitText(program, directory), mode: 0o644, theirs: false };
}

async function probe(
  files: readonly DesiredFile[],
  { wanted: { paths, places } }: InstallHostOptions,
  remote: Remote,
  asRoot: boolean,
): Promise<Installed> {
  const known = [paths.program, places.certificate, places.ca, places.key, String(places.port)];
  const values = [...known, ...files.map(({ path }) => path)];
  return parseInstalled(await must(remote, { purpose: 'check what is installed', text: probeScript, values }, asRoot));
}

function sumOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
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
