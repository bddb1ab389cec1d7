import { join } from 'node:path';
import { formatAddress, parseAddress } from '../../core/node.ts';
import type { DesiredFile, NodePaths, Paths } from '../install/files/desired-files.ts';
import { desiredFilesOf } from '../fleet-file/desired.ts';
import { helperSettings, serviceCommands } from '../fleet-file/helper-settings.ts';
import type { Fleet, Host, NodeParts } from '../fleet-file/model.ts';
import { fitToHost } from '../install/debian.ts';
import { carryOut } from '../install/install-host.ts';
import type { InstallHostOptions } from '../install/install-options.ts';
import { makePlan, type Plan } from '../install/plan.ts';
import { openRemote } from '../install/ssh.ts';
import { parseTarget, type SshTarget } from '../install/target.ts';
import type { FileChange, HostPlan } from './host-plan.ts';

/** The common values for all hosts that are reached by ssh. */
export interface SshTransport {
  readonly options: Omit<InstallHostOptions, 'desired'>;
  readonly paths: Paths;
  /** The fleet’s CA certificates and its revocation list, in PEM. */
  readonly trust: { readonly ca: string; readonly crl?: string };
  /** The login name if neither the host nor ssh’s configuration has one. */
  readonly user?: string;
}

/** Reads the state of a host over ssh. Changes nothing. @throws Problem as `makePlan` */
export async function planOverSsh(host: Host, fleet: Fleet, parts: NodeParts, way: SshTransport): Promise<HostPlan> {
  const target = targetOf(host, way.user);
  const desired = {
    ...desiredFilesOf(host, fleet, parts, way.paths, (places) => trustFiles(places, way)),
    forService: (service: string) => [helperFile(fleet, service, way.paths.directory)],
  };
  const remote = await openRemote(target, way.options.ssh);
  try {
    const { options, warnings: before } = await fitToHost({ ...way.options, desired }, remote);
    const looked = await makePlan(target, options, remote);
    const plan = { ...looked, warnings: [...before, ...looked.warnings] };
    return {
      host,
      node: host.name,
      way: 'ssh',
      others: othersOf(plan),
      files: [
        ...plan.write.map((file) => changeOf(file.path, file, plan)),
        ...plan.remove.map((path) => changeOf(path, undefined, plan)),
      ],
      kept: plan.kept.map((path) =>
        changeOf(
          path,
          [...desired.files, ...desired.forService(plan.service)].find((file) => file.path === path),
          plan,
        ),
      ),
      warnings: plan.warnings,
      effect: plan.changes.length === 0 ? 'nothing' : plan.verb,
      carryOut: async (onPhase) => {
        const { pending, description, warnings } = await carryOut(plan, target, options, remote, onPhase);
        const { program, directory } = options.desired.paths;
        const start = pending ? [`it waits to be started: ${program} daemon --config ${directory}/node.yaml`] : [];
        return {
          warnings: [
            ...warnings.filter((one) => !plan.warnings.includes(one)),
            ...(description?.warnings ?? []),
            ...start,
          ],
        };
      },
      close: remote.close,
    };
  } catch (error) {
    await remote.close();
    throw error;
  }
}

/** The ssh destination of a host: as declared, else the address of its node, else its name. */
export function targetOf({ name, ssh, address }: Host, user: string | undefined): SshTarget {
  const at = address === undefined ? undefined : parseAddress(address)?.host;
  const destination = ssh ?? (at === undefined ? name : formatAddress({ host: at, port: 22 }));
  const target = parseTarget(`${name}=${destination}`);
  const { port, ...rest } = target;
  const withPort = ssh === undefined || port === undefined ? rest : target;
  return user === undefined || withPort.user !== undefined ? withPort : { ...withPort, user };
}

/** Files that no node accepts over the fabric. */
function trustFiles(places: NodePaths, { trust }: SshTransport): DesiredFile[] {
  const ours = (path: string, content: string) => ({ path, content, mode: 0o644, theirs: false });
  return [ours(places.ca, trust.ca), ...(trust.crl === undefined ? [] : [ours(places.crl, trust.crl)])];
}

function helperFile(fleet: Fleet, service: string, directory: string): DesiredFile {
  const content = helperSettings(fleet, serviceCommands(service));
  return { path: join(directory, 'helper.yaml'), content, mode: 0o644, theirs: true };
}

function othersOf({ changes, write, remove, missing }: Plan): string[] {
  const files = new Set([
    ...write.map(({ path }) => path),
    ...remove.map((path) => `${path} (removed)`),
    ...missing.map((path) => `${path}/`),
  ]);
  return [...changes.filter((one) => !files.has(one)), ...missing.map((path) => `directory ${path}`)];
}

function changeOf(path: string, after: DesiredFile | undefined, { states }: Plan): FileChange {
  const state = states.get(path);
  const before = state === undefined || state.sum === '' ? undefined : state.text;
  return { path, before, after: after?.content };
}
