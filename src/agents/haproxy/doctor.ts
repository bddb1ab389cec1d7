import type { ExamineSetup } from '../../core/agent.ts';
import { examine, type Finding, fine } from '../../core/finding.ts';
import type { HaproxyConfig } from './config.ts';
import { readInfo } from './runtime/process.ts';
import { defineRuntime } from './runtime/runtime.ts';

/** Whether every HAProxy answers on its socket, and lets servers be changed there. */
export async function examineHaproxy({ config, signal }: ExamineSetup<HaproxyConfig>): Promise<readonly Finding[]> {
  const findings = config.sockets.map((socket) =>
    examine('haproxy', 'see whether HAProxy runs and has this “stats socket … level admin”', async () => {
      const { version } = await readInfo(defineRuntime(socket, config.timeout), signal);
      return fine('haproxy', `HAProxy ${version} answers at ${socket}`);
    }),
  );
  return (await Promise.all(findings)).flat();
}
