import type { AuditRecord } from '../../core/audit/record.ts';
import type { ShippedRecord } from './read-records.ts';

/** Severities of RFC 5424, 6.2.1. */
const severity = { warning: 4, notice: 5, informational: 6 } as const;

/** Events that deserve attention are warnings: failures, refusals, and changes of the log by others. */
export function severityOf(record: AuditRecord): number {
  if (record.kind === 'displaced' || record.kind === 'recovered') return severity.warning;
  if (record.kind === 'outcome' || record.kind === 'ended')
    return record.outcome === 'ok' ? severity.informational : severity.warning;
  return record.kind === 'intent' ? severity.informational : severity.notice;
}

/**
 * A record as a message of RFC 5424, framed by its length in bytes (RFC 5425, 4.3). The message is the whole line of
 * the record; node, sequence number and hash are also in its structured data.
 * @param facility 0 to 23; 13 is “log audit”
 */
export function syslogFrame({ record, line, hash }: ShippedRecord, facility: number): Buffer {
  const { time, node, kind, sequence } = record;
  // 32473 is the enterprise number that RFC 5612 reserves for examples: the project has none.
  const data = `[mco-deploy@32473 node="${node}" sequence="${sequence}" hash="${hash}"]`;
  const head = `<${facility * 8 + severityOf(record)}>1 ${time} ${node} mco-deploy - ${kind} ${data} `;
  const message = Buffer.from(head + line);
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}
