import type { AuditLog } from '../audit/audit-log.ts';
import type { Handle } from '../incoming-call.ts';
import { type Histogram, startHistogram } from './histogram.ts';
import type { MetricFamily } from './text.ts';

/** Measures every call that passes through it: a few numbers for each action. */
export interface Meter {
  readonly measureCalls: (handle: Handle) => Handle;
  readonly watchAudit: (log: AuditLog) => AuditLog;
  readonly families: () => MetricFamily[];
}

/** Labels come from the existing actions, never from a request: a stranger cannot make them grow without limit. */
export function startMeter(): Meter {
  const durations = new Map<string, { readonly labels: Record<string, string>; readonly histogram: Histogram }>();
  const outcomes = new Map<string, number>();
  let denied = 0;
  let auditFailures = 0;

  return {
    measureCalls: (handle) => async (call) => {
      const begun = performance.now();
      const answer = await handle(call);
      const { outcome, code } = answer.content;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (code === 'policy-denied') denied++;
      if (call.entry === undefined || call.action === undefined || outcome === 'refused') return answer;
      const labels = { agent: call.entry.ddl.name, action: call.opened.request.action };
      const key = `${labels.agent}.${labels.action}`;
      const known = durations.get(key) ?? { labels, histogram: startHistogram() };
      durations.set(key, known);
      known.histogram.observe((performance.now() - begun) / 1000);
      return answer;
    },
    watchAudit: (log) => ({
      ...log,
      append: async (event, durable) => {
        try {
          return await log.append(event, durable);
        } catch (error) {
          auditFailures++;
          throw error;
        }
      },
    }),
    families: () => [
      {
        name: 'mco_deploy_replies_total',
        help: 'Replies by outcome',
        type: 'counter',
        samples: [...outcomes].map(([outcome, value]) => ({ labels: { outcome }, value })),
      },
      simple('mco_deploy_requests_denied_total', 'Requests that no policy allows', 'counter', denied),
      simple(
        'mco_deploy_audit_failures_total',
        'Records that could not be written to the audit log',
        'counter',
        auditFailures,
      ),
      {
        name: 'mco_deploy_action_duration_seconds',
        help: 'Duration of admitted calls, by agent and action',
        type: 'histogram',
        samples: [...durations.values()].flatMap(({ labels, histogram }) => histogram.samples(labels)),
      },
    ],
  };
}

export function simple(name: string, help: string, type: 'counter' | 'gauge', value: number): MetricFamily {
  return { name, help, type, samples: [{ value }] };
}
