import type { MetricFamily } from '../metrics/text.ts';
import type { ShipperStatus } from './shipper.ts';

/** Metrics of the receivers of the audit log. */
export function shippingFamilies(statuses: readonly ShipperStatus[], spool: number): MetricFamily[] {
  const family = (
    name: string,
    help: string,
    type: MetricFamily['type'],
    value: (status: ShipperStatus) => number,
  ): MetricFamily => ({
    name,
    help,
    type,
    samples: statuses.map((status) => ({ labels: { receiver: status.receiver }, value: value(status) })),
  });
  return [
    family('mco_deploy_audit_sent_total', 'Records that a receiver has taken', 'counter', ({ sent }) => sent),
    family('mco_deploy_audit_send_failures_total', 'Failed attempts to send', 'counter', ({ failures }) => failures),
    family('mco_deploy_audit_unsent_records', 'Records that wait', 'gauge', ({ waiting }) => waiting),
    family('mco_deploy_audit_unsent_bytes', 'Their bytes', 'gauge', ({ waitingBytes }) => waitingBytes),
    family('mco_deploy_audit_spool_full', '1 when more waits than audit.spool_bytes', 'gauge', ({ waitingBytes }) =>
      waitingBytes > spool ? 1 : 0,
    ),
  ];
}
