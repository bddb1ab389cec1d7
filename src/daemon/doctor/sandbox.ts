import { existsSync } from 'node:fs';
import { isSea } from 'node:sea';
import { doubtful, type Finding, fine, parseFindings } from '../../core/finding.ts';
import type { RunCommand } from '../../core/ports.ts';

const service = 'mco-deploy.service';
/** What the service of the packages reads. */
const ownConfig = '/etc/mco-deploy/node.yaml';

/** The settings of the service that decide what the daemon may read, write and connect to (systemd.exec(5)). */
const properties = [
  'User',
  'Group',
  'SupplementaryGroups',
  'NoNewPrivileges',
  'CapabilityBoundingSet',
  'ProtectSystem',
  'ProtectHome',
  'PrivateTmp',
  'PrivateDevices',
  'ReadWritePaths',
  'ReadOnlyPaths',
  'InaccessiblePaths',
  'StateDirectory',
  'LogsDirectory',
] as const;

/**
 * Checks the node as its service would run it: as its user, in its sandbox, because root's rights prove nothing.
 * @returns undefined if this is not root, or the service has another configuration, runs as root or does not exist:
 * then the checks run in this process
 */
export async function doctorInSandbox(
  configFile: string,
  run: RunCommand,
  signal: AbortSignal,
): Promise<readonly Finding[] | undefined> {
  if (configFile !== ownConfig || process.getuid?.() !== 0 || !existsSync('/run/systemd/system')) return undefined;
  return await doctorAsService(configFile, run, signal);
}

/** The same where systemd runs and this is root. @returns undefined if the service runs as root or does not exist */
export async function doctorAsService(
  configFile: string,
  run: RunCommand,
  signal: AbortSignal,
): Promise<readonly Finding[] | undefined> {
  const names = properties.map((name) => `--property=${name}`);
  const { code, stdout } = await run(['systemctl', 'show', ...names, service], { timeout: 10_000, signal });
  const settings = stdout.split('\n').filter((line) => /^[A-Za-z]+=/.test(line));
  const user = settings.find((line) => line.startsWith('User='))?.slice('User='.length) ?? '';
  if (code !== 0 || user === '' || user === 'root') return undefined;
  const own = isSea() ? [process.execPath] : [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const argv = [
    'systemd-run',
    '--pipe',
    '--wait',
    '--quiet',
    '--collect',
    ...settings.map((line) => `--property=${line}`),
  ];
  const doctor = [...own, 'doctor', 'node', '--config', configFile, '--json'];
  const inside = await run([...argv, '--', ...doctor] as [string, ...string[]], {
    timeout: 60_000,
    limit: 1024 * 1024,
    signal,
  });
  const findings = parseFindings(inside.stdout);
  if (findings !== undefined) return [fine('user', `checked as ${user}, in the sandbox of ${service}`), ...findings];
  const why = inside.stderr.trim().split('\n').at(-1) ?? '';
  const what = `could not check as ${user} in the sandbox of ${service}, so the rest is what root sees: ${why}`;
  return [doubtful('user', what, `run it as ${user}`)];
}
