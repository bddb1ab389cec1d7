import { readRevocations } from '../ca/revocations.ts';
import { type LoadedCredentials, loadCredentials } from '../core/credentials.ts';
import { explain, Problem } from '../core/errors.ts';
import type { Log, TlsState } from '../core/ports.ts';
import type { NodeConfig } from './config.ts';

/** The node's certificate, key, authorities and CRL, as they are now. */
export interface Keys {
  readonly current: () => TlsState;
  readonly warnings: () => readonly string[];
  /** Reads the files again; what can't be used leaves the old in force. */
  readonly reload: (log: Log) => Promise<void>;
}

/** @throws Problem when the node has nothing to prove itself with */
export async function startKeys(config: NodeConfig, now: () => number): Promise<Keys> {
  const load = () => loadCredentials(config.tls, 'node', readRevocations, now());
  let loaded: LoadedCredentials = await load();
  let fault: string[] = [];
  return {
    current: () => loaded,
    warnings: () => [...loaded.warnings, ...fault],
    reload: async (log) => {
      try {
        loaded = await reloaded(load, loaded);
        fault = [];
      } catch (error) {
        fault = [`the certificates were not reloaded, the old ones stay: ${explain(error)}`];
        for (const warning of fault) log.error({}, warning);
      }
    },
  };
}

async function reloaded(load: () => Promise<LoadedCredentials>, old: LoadedCredentials): Promise<LoadedCredentials> {
  const loaded = await load();
  const { name } = loaded.credentials.identity;
  if (name === old.credentials.identity.name) return loaded;
  throw new Problem('wrong-node', `the new certificate is of ${name}`, 'restart the daemon to change its identity');
}
