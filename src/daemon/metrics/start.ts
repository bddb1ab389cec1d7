import type { NodeMeasures } from './node-families.ts';
import type { MetricsServer, MetricsServerOptions } from './server.ts';

/** Serves the node's metrics; the code is loaded only if configured. @throws Problem `cannot-listen` */
export async function startMetrics(
  options: Omit<MetricsServerOptions, 'text'>,
  measures: () => NodeMeasures,
): Promise<MetricsServer> {
  const [{ startMetricsServer }, { metricsText }] = await Promise.all([
    import('./server.ts'),
    import('./node-families.ts'),
  ]);
  return startMetricsServer({ ...options, text: () => metricsText(measures()) });
}
