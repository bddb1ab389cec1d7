import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { verifyAuditLog } from '../../core/audit/verify-log.ts';
import type { AuditConfig } from './config.ts';
import { auditDdl } from './ddl.ts';
import { readRecords } from './records.ts';

export async function startAudit({ node }: AgentSetup<AuditConfig>): Promise<Agent> {
  const handlers = defineHandlers(auditDdl, {
    records: async (input, { signal }) => await readRecords(node.audit.file, input, signal),

    // The request is already in the log, with the caller who acknowledged and what was lost.
    acknowledge: async () => ({ acknowledged: await node.audit.acknowledge() }),

    verify: async (_input, { signal }) => {
      const { file, trust } = node.audit;
      const { records, end, fault, files } = await verifyAuditLog(file, trust(), {}, signal);
      return {
        holds: fault === undefined,
        records,
        files: [...files],
        end: `${end.sequence}:${end.hash}`,
        fault: fault === undefined ? '' : `${fault.file}:${fault.line}: ${fault.code}: ${fault.message}`,
      };
    },
  });
  return { handlers };
}
