import { join } from 'node:path';

/** The name of a revision's artifact in its file of sums. */
export function artifactName(application: string, revision: string): string {
  return `${application}-${revision}.tar.gz`;
}

/** A file of sums of one artifact, as sha256sum(1) writes it. @param sha256 hex */
export function sumsOf(application: string, revision: string, sha256: string): string {
  return `${sha256}  ${artifactName(application, revision)}\n`;
}

/**
 * Where a node stores the published artifacts of an application: NAME-REVISION.tar.gz with .sha256, and .sha256.sig if
 * it was signed.
 * @param state the state directory of the daemon
 */
export function publishedDirectory(state: string, application: string): string {
  return join(state, 'publish', 'applications', application);
}
