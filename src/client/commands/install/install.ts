import { dirname, resolve } from 'node:path';
import type { Authority } from '../../../ca/x509/authority.ts';
import { readStoredCrl } from '../../../ca/store/records.ts';
import { trustedPem } from '../../../ca/store/store.ts';
import { Problem } from '../../../core/errors.ts';
import { noFilter } from '../../../core/filter/filter.ts';
import { parseJsonObject } from '../../../core/json.ts';
import type { Address } from '../../../core/node.ts';
import { printable } from '../../../core/text.ts';
import type { NodeDescription } from '../../../core/wire/messages.ts';
import { createDial } from '../../../transport/dial.ts';
import type { CliContext } from '../../cli/context.ts';
import { openSession, type Session } from '../../fleet/session.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { caOptionsOf } from '../../ca/options.ts';
import { type Ending, exitForHosts, onHosts, printProblem } from '../../install/hosts.ts';
import { type HostResult, installHost } from '../../install/install-host.ts';
import type { InstallHostOptions } from '../../install/install-options.ts';
import { type RemoteOptions, usualProgram } from './options.ts';
import { findPackage } from '../../install/debian.ts';
import { openProgram, type Program, packagedProgram } from '../../install/program.ts';
import { targetsOf } from '../../install/target.ts';
import {
  type CheckNodeConfig,
  describeDesiredFiles,
  type Paths,
  type DesiredFileOptions,
} from '../../install/files/desired-files.ts';

export interface InstallOptions extends RemoteOptions, DesiredFileOptions {
  readonly binary?: string;
  readonly package?: string;
  readonly replace?: boolean;
  /** Seconds. */
  readonly wait: number;
  readonly caDir?: string;
  readonly passphraseFile?: string;
}

/** Functions of the whole program. */
interface Self {
  readonly check: CheckNodeConfig;
  /** The file that is running. */
  readonly own: string;
}

/** Makes hosts nodes: every possible mistake is found before any host is changed. */
export async function runInstall(
  words: readonly string[],
  options: InstallOptions,
  self: Self,
  context: CliContext,
): Promise<number> {
  const targets = await targetsOf(words, options);
  const session = await openSession(options, context);
  try {
    const request = await installHostOptions(options, session, self, context);
    const work = (target: (typeof targets)[number], onPhase: (phase: string) => void) =>
      installHost(target, request, onPhase);
    const print = (ending: Ending<HostResult>) =>
      options.json === true ? undefined : printEnding(ending, request, context);
    const { parallel } = options;
    const endings = await onHosts(targets, { title: 'install', parallel, work, onEnd: print }, context);
    if (options.json === true) context.out(JSON.stringify(endings.map(endingJson), null, 2));
    return exitForHosts(endings, context);
  } finally {
    await session.close();
  }
}

async function installHostOptions(
  options: InstallOptions,
  session: Session,
  { check, own }: Self,
  context: CliContext,
): Promise<InstallHostOptions> {
  const caOptions = caOptionsOf(options);
  const program = await openProgram(options, own);
  const paths = pathsOf(program, options);
  const store = await openCa(caOptions, context);
  const crl = await readStoredCrl(store);
  const fleet = { ca: trustedPem(store), ...(crl === undefined ? {} : { crl }) };
  const operator = session.caller.credentials.identity.name;
  const desired = await describeDesiredFiles(options, paths, fleet, operator, check);
  let authority: Promise<Authority> | undefined;
  return {
    program,
    ...(await debianOf(options, program, own)),
    desired,
    store,
    authority: () => {
      authority ??= unlockCa(store, caOptions, context);
      return authority;
    },
    service: options.service === undefined ? undefined : requireService(options.service),
    dryRun: options.dryRun === true,
    replace: options.replace === true,
    ssh: sshSettings(options, context),
    describe: describer(session, context),
    patience: options.wait * 1000,
  };
}

/** On Debian the package is installed, unless the operator names another program, or another path for it. */
export async function debianOf(
  { binary, package: packagePath, program: programPath }: { binary?: string; package?: string; program: string },
  program: Program,
  own: string,
): Promise<Pick<InstallHostOptions, 'debian'>> {
  if ((binary ?? packagePath) !== undefined || programPath !== usualProgram) return {};
  return { debian: await findPackage(own, program) };
}

/**
 * A package defines the path of its program; a bare one waits beside its path, so that it is only renamed in the end.
 */
export function pathsOf({ form }: Program, options: Pick<RemoteOptions, 'program' | 'directory'>): Paths {
  const directory = requireAbsolute(options.directory);
  if (form === 'package') return { program: packagedProgram, directory, staging: '/var/tmp' };
  const program = requireAbsolute(options.program);
  return { program, directory, staging: dirname(program) };
}

export function sshSettings(
  options: Pick<RemoteOptions, 'sshConfig' | 'identity' | 'acceptNewHostKeys'>,
  { env, signal }: CliContext,
) {
  return {
    ...(options.sshConfig === undefined ? {} : { config: resolve(options.sshConfig) }),
    ...(options.identity === undefined ? {} : { identity: resolve(options.identity) }),
    acceptNew: options.acceptNewHostKeys === true,
    env,
    signal,
  };
}

/** @throws Problem `usage` */
export function requireAbsolute(path: string): string {
  if (/^(\/[A-Za-z0-9_.+-]+){2,}$/.test(path) && !path.includes('/..')) return path;
  throw new Problem(
    'usage',
    `“${path}” is not a valid place for it`,
    'give an absolute path without spaces, below a directory',
  );
}

/** @throws Problem `usage` */
export function requireService(how: string): string {
  if (how === 'systemd' || how === 'none' || how.startsWith('/')) return how;
  throw new Problem(
    'usage',
    `“${how}” is not a way to run a service`,
    'use systemd, none, or the path of an init script',
  );
}

export function describer({ caller, config }: Session, { signal }: CliContext) {
  const dial = createDial(() => caller, config.timeout * 1000);
  return async (node: string, address: Address): Promise<NodeDescription> => {
    const connection = await dial(node, [address], signal);
    try {
      return await connection.describe({ filter: noFilter, facts: [], full: false, peers: false }, signal);
    } finally {
      connection.close();
    }
  };
}

function printEnding(ending: Ending<HostResult>, options: InstallHostOptions, context: CliContext): void {
  const { node } = ending.target;
  if ('problem' in ending) {
    printProblem(ending.target, ending.problem, context);
    return;
  }
  const { state, pending, changes, kept, warnings, description } = ending.result;
  for (const warning of [...warnings, ...(description?.warnings ?? [])]) {
    context.err(printable(`warning: ${node}: ${warning}`));
  }
  const what = changes.length === 0 ? 'nothing' : changes.join(', ');
  const done = { planned: 'would change', unchanged: 'unchanged', incomplete: 'incomplete', installed: 'installed' };
  context.out(state === 'unchanged' ? `${node} unchanged` : `${node} ${done[state]}: ${what}`);
  for (const path of kept)
    context.err(
      `${node} kept ${path}, which others changed and which differs from what was requested (--replace overwrites it)`,
    );
  if (description !== undefined) context.out(printable(`${node} ${inventoryWords(description)}`));
  const { program, directory } = options.desired.paths;
  if (pending) context.out(`${node} waits to be started: ${program} daemon --config ${directory}/node.yaml`);
}

function inventoryWords({ version, agents, classes, facts }: NodeDescription): string {
  const factWords = Object.entries(parseJsonObject(facts, 'the facts')).map(
    ([name, value]) => `${name}=${String(value)}`,
  );
  const names = agents.map(({ name }) => name).sort();
  return [
    `answers: ${version}`,
    `agents ${names.join(' ')}`,
    ...classes.map((name) => `class ${name}`),
    ...factWords,
  ].join(', ');
}

function endingJson(ending: Ending<HostResult>) {
  const { node, host } = ending.target;
  if ('problem' in ending) {
    const { code, message, hint } = ending.problem;
    return { node, host, state: 'failed', code, message, hint };
  }
  const { description, fingerprint = null, ...result } = ending.result;
  return { node, host, ...result, fingerprint, version: description?.version ?? null };
}
