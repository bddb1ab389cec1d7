import type { DoctorSetup } from '../../core/agent.ts';
import { doubtful, type Finding, fine, runCheck } from '../../core/finding.ts';
import type { HaproxyConfig } from './config.ts';
import { requireCommands, runtimeCommands } from './runtime/commands.ts';
import { requireEveryProcess } from './runtime/every-process.ts';
import { findOtherProcesses } from './runtime/other-processes.ts';
import { pidsOf, type Processes, readInfo } from './runtime/process.ts';
import { restoresState } from './runtime/state-file.ts';
import { defineRuntime, type Runtime } from './runtime/runtime.ts';
import { nameHosts } from './servers/every-host.ts';
import { readViews } from './servers/backend.ts';
import { formatProcess, processesLeadingTo } from './servers/elsewhere.ts';

/**
 * Whether every HAProxy answers on its socket, allows changes, and keeps its servers' states over a reload; and whether
 * there are processes that no socket leads to.
 */
export async function doctorHaproxy({ config, signal }: DoctorSetup<HaproxyConfig>): Promise<readonly Finding[]> {
  const runtimes = config.sockets.map((socket) => defineRuntime(socket, config.timeout));
  const processes: Record<string, Processes[string]> = {};
  const findings = runtimes.map((runtime) =>
    runCheck('haproxy', 'check that HAProxy runs and has this “stats socket … level admin”', async () => {
      const info = await readInfo(runtime, signal);
      processes[runtime.name] = info;
      return [
        fine('haproxy', `HAProxy ${info.version} answers at ${runtime.name}`),
        ...(await checkCommands(runtime, signal)),
        await checkStateFile(runtime, info.pid),
      ];
    }),
  );
  const found = (await Promise.all(findings)).flat();
  const answering = runtimes.filter(({ name }) => processes[name] !== undefined);
  const missing = await runCheck('haproxy', '', async () => {
    requireEveryProcess(processes);
    return checkOthers(answering, processes, config, signal);
  });
  return [...found, ...missing];
}

/** Nothing where all is well. */
function checkCommands(runtime: Runtime, signal: AbortSignal): Promise<readonly Finding[]> {
  return runCheck('haproxy', '', async () => {
    await requireCommands([runtime], runtimeCommands, signal);
    return [];
  });
}

async function checkOthers(
  runtimes: readonly Runtime[],
  processes: Processes,
  { servers }: HaproxyConfig,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const others = await findOtherProcesses(pidsOf(processes));
  if (others.length === 0) return [];
  const hosts = nameHosts(await readViews(runtimes, signal), servers, []);
  return others.flatMap((other) => {
    const led = hosts.filter((host) => processesLeadingTo(host, [other]).length > 0).map(({ name }) => name);
    if (other.targets !== undefined && led.length === 0) return [];
    const where = other.targets === undefined ? 'may send requests to the same hosts' : `leads to ${led.join(', ')}`;
    return doubtful(
      'haproxy',
      `${formatProcess(other)}, ${where}: hosts are not taken out there`,
      'give it a “stats socket … level admin”, and add that to “sockets” in node.yaml',
    );
  });
}

async function checkStateFile({ name }: Runtime, pid: number): Promise<Finding> {
  const restores = await restoresState(pid);
  const what = `HAProxy at ${name}`;
  const fix =
    'docs/haproxy.md, “Reloads”, shows how: “load-server-state-from-file global” and a state file written at each reload';
  if (restores === 'yes') return fine('haproxy', `${what} restores its servers’ states when it is reloaded`);
  if (restores === 'no') {
    const meaning = 'a reload while hosts are out lets requests through for a moment, and ends the run';
    return doubtful('haproxy', `${what} forgets its servers’ states when it is reloaded: ${meaning}`, fix);
  }
  return doubtful(
    'haproxy',
    `${what} has a configuration that cannot be read, so whether it keeps states over a reload is not known`,
    fix,
  );
}
