import type { CredentialFiles, LoadedCredentials, ReadRevocations, Revocations } from './credentials.ts';
import { loadCredentials } from './credentials.ts';
import { explain, Problem } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { TlsState } from '../ports.ts';
import { watchFiles } from '../files/watch-files.ts';

/** One's own certificate, key, authorities and revocations, from the current files. */
export interface LiveCredentials {
  readonly current: () => TlsState;
  readonly revocations: () => Revocations;
  /** Warnings for the owner, broken files included. */
  readonly warnings: () => readonly string[];
  /** Reads the files again; an unusable one leaves the old state in force. */
  readonly reload: () => Promise<void>;
  /** Ends the watch over the files. */
  readonly stop: () => void;
}

export interface LiveOptions {
  readonly files: CredentialFiles;
  readonly kind: Identity['kind'];
  readonly readRevocations: ReadRevocations;
  readonly now: () => number;
  /** Called after every reload that took effect. */
  readonly onReload: () => void;
  /** Called with the reason when a reload failed. */
  readonly onFault: (fault: string) => void;
}

/** Milliseconds between two looks at the files. */
const interval = 1000;

/**
 * Loads credentials and loads them again whenever their files have changed: a renewed certificate, a newer revocation list.
 * @throws Problem as {@link loadCredentials}
 */
export async function startCredentials(options: LiveOptions): Promise<LiveCredentials> {
  const { files, now, onReload, onFault } = options;
  const load = (before?: Revocations) => loadCredentials(files, options.kind, options.readRevocations, now(), before);
  const { certificate, key, ca, crl, delivered = crl } = files;
  // Started before the first look, so that no change is missed.
  const stop = watchFiles([...new Set([certificate, key, ca, crl, delivered])], interval, () => {
    // Only the first load can fail here, and that is reported already.
    reload().catch(() => undefined);
  });
  const first = load();
  let fault: string[] = [];
  // A change during the first reading waits for its end.
  let reloading: Promise<unknown> = first;
  let loaded: LoadedCredentials;

  const reloadOnce = async () => {
    try {
      const fresh = await load(loaded.revocations);
      requireSame(fresh, loaded);
      loaded = fresh;
      fault = [];
    } catch (error) {
      fault = [`the certificates were not reloaded, the old ones stay in force: ${explain(error)}`];
      for (const one of fault) onFault(one);
      return;
    }
    onReload();
  };
  const reload = () => {
    const reloaded = reloading.then(reloadOnce);
    reloading = reloaded;
    return reloaded;
  };
  try {
    loaded = await first;
  } catch (error) {
    stop();
    throw error;
  }
  return {
    current: () => loaded,
    revocations: () => loaded.revocations,
    warnings: () => [...loaded.warnings(now()), ...fault],
    reload,
    stop,
  };
}

function requireSame({ credentials: fresh }: TlsState, { credentials: old }: TlsState): void {
  if (fresh.identity.name === old.identity.name) return;
  const hint = 'restart to change the identity';
  throw new Problem(
    'wrong-node',
    `the new certificate is of ${fresh.identity.name}, not of ${old.identity.name}`,
    hint,
  );
}
