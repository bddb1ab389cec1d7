import type { TlsState } from '../../core/ports.ts';
import { type Meter, simple } from './meter.ts';
import { type MetricFamily, formatMetrics } from './text.ts';

/** Metrics of the node itself. */
export interface NodeMeasures {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly tls: TlsState;
  readonly warnings: number;
  readonly meter: Meter;
  /** Of the relay, if the node is one. */
  readonly more: () => MetricFamily[];
}

const counted: Readonly<Record<string, readonly [string, string]>> = {
  total: ['mco_deploy_requests_total', 'Requests'],
  validated: ['mco_deploy_requests_validated_total', 'Requests whose caller was proven'],
  unvalidated: ['mco_deploy_requests_unvalidated_total', 'Requests whose caller was not proven'],
  passed: ['mco_deploy_requests_passed_total', 'Requests that were admitted'],
  filtered: ['mco_deploy_requests_filtered_total', 'Requests that were refused, for any reason'],
  ttlexpired: ['mco_deploy_requests_expired_total', 'Requests that were too old'],
  strangers: ['mco_deploy_strangers_total', 'Connections and requests without a valid certificate'],
};

export function metricsText(measures: NodeMeasures): string {
  return formatMetrics([...nodeFamilies(measures), ...measures.meter.families(), ...measures.more()]);
}

/** The node’s counters and certificates, and its process under the names of Prometheus’ own libraries. */
function nodeFamilies({ version, startedAt, counters, tls, warnings }: NodeMeasures): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  return [
    { name: 'mco_deploy_info', help: 'The daemon', type: 'gauge', samples: [{ labels: { version }, value: 1 }] },
    ...Object.entries(counted).map(([key, [name, help]]) => simple(name, help, 'counter', counters[key] ?? 0)),
    simple('mco_deploy_warnings', 'Warnings that need a person: see ping', 'gauge', warnings),
    {
      name: 'mco_deploy_certificate_expiration_timestamp_seconds',
      help: 'When the certificates of the node and of its CAs expire',
      type: 'gauge',
      samples: certificatesOf(tls).map(({ labels, end }) => ({ labels, value: Math.floor(Date.parse(end) / 1000) })),
    },
    simple('process_start_time_seconds', 'When the process started', 'gauge', startedAt / 1000),
    simple('process_cpu_seconds_total', 'User and system CPU time', 'counter', (user + system) / 1e6),
    simple('process_resident_memory_bytes', 'Resident memory', 'gauge', process.memoryUsage.rss()),
  ];
}

function certificatesOf({ credentials, trust }: TlsState) {
  const own = {
    labels: { kind: 'node', serial: credentials.certificate.serialNumber },
    end: credentials.certificate.validTo,
  };
  const authorities = trust.authorities.map(({ serialNumber: serial, validTo: end }) => ({
    labels: { kind: 'ca', serial },
    end,
  }));
  return [own, ...authorities];
}
