import type { NodeMeasures } from './node-families.ts';
import type { MetricsServer } from './server.ts';

/** Tells the node's measures on a port of loopback; the code is loaded only where that is asked for. @throws Problem `cannot-listen` */
export async function startMetrics(port: number, measures: () => NodeMeasures): Promise<MetricsServer> {
  const [{ startMetricsServer }, { metricsText }] = await Promise.all([
    import('./server.ts'),
    import('./node-families.ts'),
  ]);
  return startMetricsServer(port, () => metricsText(measures()));
}
