import type { AuditRecord } from '../../core/audit/record.ts';
import type { ShippedRecord } from './read-records.ts';

/** Severities of RFC 5424, 6.2.1. */
const severity = { warning: 4, notice: 5, informational: 6 } as const;

/** What a person may want to be woken by is a warning: failures, refusals, and what others did to the log. */
export function severityOf(record: AuditRecord): number {
  if (record.kind === 'displaced' || record.kind === 'recovered') return severity.warning;
  if (record.kind === 'outcome' || record.kind === 'ended')
    return record.outcome === 'ok' ? severity.informational : severity.warning;
  return record.kind === 'intent' ? severity.informational : severity.notice;
}

/**
 * A record as a message of RFC 5424, framed by its length in bytes (RFC 5425, 4.3). The record's line is the message, whole;
 * node, sequence number and hash stand in its structured data as well.
 * @param facility 0 to 23; 13 is “log audit”
 */
export function syslogFrame({ record, line, hash }: ShippedRecord, facility: number): Buffer {
  const { time, node, kind, sequence } = record;
  // 32473 is the enterprise number that RFC 5612 keeps for examples: the project has none of its own.
  const data = `[mco-deploy@32473 node="${node}" sequence="${sequence}" hash="${hash}"]`;
  const head = `<${facility * 8 + severityOf(record)}>1 ${time} ${node} mco-deploy - ${kind} ${data} `;
  const message = Buffer.from(head + line);
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}
