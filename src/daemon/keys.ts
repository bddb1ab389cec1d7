import { readRevocations } from '../ca/revocations.ts';
import { type LiveCredentials, startCredentials } from '../core/live-credentials.ts';
import type { Log } from '../core/ports.ts';
import type { NodeConfig } from './config.ts';

/** The node's certificate, key, authorities and CRL, as they are now. */
export type Keys = LiveCredentials;

const day = 86_400_000;

/**
 * @param onReload called when files were taken anew
 * @throws Problem when the node has nothing to prove itself with
 */
export async function startKeys(
  { tls: files }: NodeConfig,
  log: () => Log,
  now: () => number,
  onReload: () => void,
): Promise<Keys> {
  const onFault = (fault: string) => log().error({}, fault);
  return await startCredentials({ files, kind: 'node', readRevocations, now, onReload, onFault });
}

/** Tells the log now and once a day what is about to end. @returns a function that ends it */
export function remindOf(warnings: () => readonly string[], log: Log): () => void {
  const tell = () => {
    for (const warning of warnings()) log.warn({}, warning);
  };
  tell();
  const timer = setInterval(tell, day);
  timer.unref();
  return () => clearInterval(timer);
}
