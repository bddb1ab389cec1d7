import { basename, dirname } from 'node:path';
import type { CliContext } from '../../cli/context.ts';
import { parseInspection } from '../../install/inspect.ts';
import { type Ending, exitForHosts, onHosts, printProblem } from '../../install/hosts.ts';
import type { RemoteOptions } from './options.ts';
import { requireAbsolute, requireService, sshSettings } from './install.ts';
import { inspectScript, parseLines, readScript, removeScript, serviceScript } from '../../install/scripts.ts';
import { runOrThrow, openRemote, type SshSettings } from '../../install/ssh.ts';
import { type SshTarget, targetsOf } from '../../install/target.ts';
import { unitFile } from '../../install/files/unit.ts';
import type { CheckNodeConfig } from '../../install/files/desired-files.ts';

export interface UninstallOptions extends RemoteOptions {
  readonly purge?: boolean;
}

interface UninstallHostOptions {
  readonly program: string;
  readonly directory: string;
  readonly service: string | undefined;
  readonly purge: boolean;
  readonly dryRun: boolean;
  readonly ssh: SshSettings;
  readonly check: CheckNodeConfig;
}

interface Removed {
  /** What was, or would be, removed. */
  readonly removed: readonly string[];
  /** False if there was a program and nobody could stop its daemon. */
  readonly stopped: boolean;
}

/** Stops the service and removes the program; key and configuration stay, unless everything is removed. */
export async function runUninstall(
  words: readonly string[],
  options: UninstallOptions,
  check: CheckNodeConfig,
  context: CliContext,
): Promise<number> {
  const targets = await targetsOf(words, options);
  const request: UninstallHostOptions = {
    program: requireAbsolute(options.program),
    directory: requireAbsolute(options.directory),
    service: options.service === undefined ? undefined : requireService(options.service),
    purge: options.purge === true,
    dryRun: options.dryRun === true,
    ssh: sshSettings(options, context),
    check,
  };
  const work = (target: SshTarget, onPhase: (phase: string) => void) => uninstallHost(target, request, onPhase);
  const print = (ending: Ending<Removed>) =>
    options.json === true ? undefined : printEnding(ending, request, context);
  const { parallel } = options;
  const endings = await onHosts(targets, { title: 'uninstall', parallel, work, onEnd: print }, context);
  if (options.json === true)
    context.out(
      JSON.stringify(
        endings.map((ending) => endingJson(ending, request)),
        null,
        2,
      ),
    );
  return exitForHosts(endings, context);
}

async function uninstallHost(
  target: SshTarget,
  options: UninstallHostOptions,
  onPhase: (phase: string) => void,
): Promise<Removed> {
  const remote = await openRemote(target, options.ssh);
  try {
    onPhase('looking');
    const { program, directory } = options;
    const values = [dirname(program), directory];
    const inspection = parseInspection(
      await runOrThrow(remote, { purpose: 'check the host', text: inspectScript, values }, false),
      Date.now(),
    );
    const asRoot = !inspection.root && values.some((path) => !inspection.writable.has(path)) && inspection.sudo;
    const read = { purpose: 'read its configuration', text: readScript, values: [program, `${directory}/node.yaml`] };
    const found = parseLines(await runOrThrow(remote, read, asRoot));
    const installed = found('installed')[0] === 'yes';
    const directories = options.purge ? await directoriesOf(found('config')[0] ?? '', options) : [];
    const service = options.service ?? (inspection.systemd && installed ? 'systemd' : 'none');
    const stopped = !installed || service !== 'none';
    if (options.dryRun) return { removed: [...(installed ? [program] : []), ...directories], stopped };
    onPhase('stopping');
    if (installed)
      await runOrThrow(remote, { purpose: 'stop the service', text: serviceScript, values: [service, 'stop'] }, asRoot);
    onPhase('removing');
    const remove = [program, unitFile, options.purge ? 'purge' : '', ...directories];
    const out = await runOrThrow(remote, { purpose: 'remove it', text: removeScript, values: remove }, asRoot);
    return { removed: parseLines(out)('removed'), stopped };
  } finally {
    await remote.close();
  }
}

/**
 * The node's own directories, and only those with the program’s name: a wrong setting must not cost a host its data.
 */
async function directoriesOf(encoded: string, { directory, check }: UninstallHostOptions): Promise<string[]> {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const places = text === '' ? undefined : await check(text, `${directory}/node.yaml`).catch(() => undefined);
  const own = places === undefined ? [] : [places.state, dirname(places.auditFile)];
  return [...new Set([directory, ...own])].filter((path) => basename(path) === 'mco-deploy');
}

function printEnding(ending: Ending<Removed>, { dryRun, purge }: UninstallHostOptions, context: CliContext): void {
  const { target } = ending;
  if ('problem' in ending) {
    printProblem(target, ending.problem, context);
    return;
  }
  const { removed, stopped } = ending.result;
  if (!stopped) context.err(`warning: ${target.node}: there is no service that stops its daemon: stop it on the host`);
  if (removed.length === 0) context.out(`${target.node} has nothing to remove`);
  else context.out(`${target.node} ${dryRun ? 'would lose' : 'removed'}: ${removed.join(', ')}`);
  if (purge && !dryRun && removed.length > 0) {
    context.out(
      `${target.node} is still trusted and expected: mco-deploy ca revoke ${target.node}; mco-deploy forget ${target.node}`,
    );
  }
}

function endingJson(ending: Ending<Removed>, { dryRun }: UninstallHostOptions) {
  const { node, host } = ending.target;
  if ('result' in ending) return { node, host, state: dryRun ? 'planned' : 'removed', ...ending.result };
  const { code, message, hint } = ending.problem;
  return { node, host, state: 'failed', code, message, hint };
}
