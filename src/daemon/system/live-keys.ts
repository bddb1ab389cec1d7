import { join } from 'node:path';
import { readRevocations } from '../../ca/revocation/revocations.ts';
import { type LiveCredentials, startCredentials } from '../../core/credentials/live-credentials.ts';
import type { Log } from '../../core/ports.ts';
import type { NodeConfig } from '../config/config.ts';

/** The node's current certificate, key, authorities and CRL. */
export type LiveKeys = LiveCredentials;

const day = 86_400_000;

/** Where delivered lists are stored: a daemon may write there, and seldom beside its configuration. */
export function receivedListFile(state: string): string {
  return join(state, 'crl.pem');
}

/**
 * @param onReload called when files were loaded again
 * @throws Problem when the node cannot prove its identity
 */
export async function startLiveKeys(
  { tls, state }: NodeConfig,
  log: () => Log,
  now: () => number,
  onReload: () => void,
): Promise<LiveKeys> {
  const onFault = (fault: string) => log().error({}, fault);
  const files = { ...tls, delivered: receivedListFile(state) };
  return await startCredentials({ files, kind: 'node', readRevocations, now, onReload, onFault });
}

/** Logs now and once a day what is about to expire. @returns a function that ends it */
export function warnDaily(warnings: () => readonly string[], log: Log): () => void {
  const warn = () => {
    for (const warning of warnings()) log.warn({}, warning);
  };
  warn();
  const timer = setInterval(warn, day);
  timer.unref();
  return () => clearInterval(timer);
}
