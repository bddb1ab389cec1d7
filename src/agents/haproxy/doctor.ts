import type { DoctorSetup } from '../../core/agent.ts';
import { runCheck, type Finding, fine } from '../../core/finding.ts';
import type { HaproxyConfig } from './config.ts';
import { readInfo } from './runtime/process.ts';
import { defineRuntime } from './runtime/runtime.ts';

/** Whether every HAProxy answers on its socket, and lets servers be changed there. */
export async function doctorHaproxy({ config, signal }: DoctorSetup<HaproxyConfig>): Promise<readonly Finding[]> {
  const findings = config.sockets.map((socket) =>
    runCheck('haproxy', 'see whether HAProxy runs and has this “stats socket … level admin”', async () => {
      const { version } = await readInfo(defineRuntime(socket, config.timeout), signal);
      return fine('haproxy', `HAProxy ${version} answers at ${socket}`);
    }),
  );
  return (await Promise.all(findings)).flat();
}
