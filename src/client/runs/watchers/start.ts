import { Problem } from '../../../core/errors.ts';
import type { CliContext } from '../../cli/context.ts';
import type { RunWatcher } from './watcher.ts';

export interface WatchOptions {
  /** `github`, `junit=FILE` */
  readonly report?: readonly string[];
}

/** Variables of OpenTelemetry that name where traces go. */
const traceVariables = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const;

/**
 * The watchers that options and environment request; the code of each is loaded only then.
 * @throws Problem `usage`, `unwritable-file`: before the run begins
 */
export async function startWatchers(
  runId: string,
  { report = [] }: WatchOptions,
  context: CliContext,
): Promise<RunWatcher> {
  const watchers = await Promise.all(report.map((what) => startReport(what, context)));
  if (traceVariables.some((name) => (context.env[name] ?? '') !== '')) {
    const { startTraces } = await import('./traces.ts');
    watchers.push(startTraces(runId, context.env, context.err));
  }
  return {
    see: (event) => {
      for (const { see } of watchers) see(event);
    },
    end: async () => {
      await Promise.all(watchers.map(({ end }) => end()));
    },
  };
}

async function startReport(what: string, context: CliContext): Promise<RunWatcher> {
  if (what === 'github')
    return (await import('./github.ts')).startGithubReport(context.env, context.ciCommand ?? context.err);
  const [, file] = /^junit=(.+)$/s.exec(what) ?? [];
  if (file !== undefined) return await (await import('./junit.ts')).startJunitReport(file, context.err);
  throw new Problem('usage', `“${what}” is not a valid report`, 'write --report github or --report junit=FILE');
}
