import type { DoctorSetup } from '../../core/agent.ts';
import { doubtful, type Finding, fine, runCheck } from '../../core/finding.ts';
import type { HaproxyConfig } from './config.ts';
import { restoresState } from './runtime/state-file.ts';
import { readInfo } from './runtime/process.ts';
import { defineRuntime, type Runtime } from './runtime/runtime.ts';

/** Whether every HAProxy answers on its socket, and keeps its servers' states over a reload. */
export async function doctorHaproxy({ config, signal }: DoctorSetup<HaproxyConfig>): Promise<readonly Finding[]> {
  const findings = config.sockets.map((socket) => {
    const runtime = defineRuntime(socket, config.timeout);
    return runCheck('haproxy', 'check that HAProxy runs and has this “stats socket … level admin”', async () => {
      const { version, pid } = await readInfo(runtime, signal);
      return [fine('haproxy', `HAProxy ${version} answers at ${socket}`), await checkStateFile(runtime, pid)];
    });
  });
  return (await Promise.all(findings)).flat();
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
