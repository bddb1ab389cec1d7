import { dirname, posix } from 'node:path';
import { Problem } from '../../../core/errors.ts';
import { publishedDirectory } from '../../../core/publish/layout.ts';
import type { ApplicationConfig } from '../config.ts';
import { assertRevision } from '../release/layout.ts';

/** The source of an application's artifacts, and their signers. */
export interface ArtifactSource {
  readonly application: string;
  /** A directory, or a file or an https URL with `{revision}` in its name. */
  readonly artifacts: string;
  readonly download: DownloadBounds;
  /** Files of public keys; empty if no signature is required. */
  readonly signers: readonly string[];
}

export interface DownloadBounds {
  /** A file of certificates; by default the system's. */
  readonly ca?: string | undefined;
  /** Seconds for one file. */
  readonly timeout: number;
  /** Bytes of an artifact. */
  readonly max_size: number;
}

/** The location of one revision's artifact; `name` is its name in the file of sums. */
export type ArtifactLocation =
  | { readonly kind: 'file'; readonly at: string; readonly name: string }
  | { readonly kind: 'url'; readonly at: string; readonly name: string };

/** Stands for the artifacts that “mco-deploy publish” delivers to the node. */
export const published = 'published';

/** @param state the agent's own directory, below that of the daemon */
export function sourceOf(
  { name, artifacts = '', download, signers }: ApplicationConfig,
  state: string,
): ArtifactSource {
  const directory = artifacts === published ? publishedDirectory(dirname(state), name) : artifacts;
  return { application: name, artifacts: directory, download, signers: signers ?? [] };
}

/** @throws Problem `bad-revision`, `bad-artifact` */
export function locationOf({ application, artifacts }: ArtifactSource, revision: string): ArtifactLocation {
  assertRevision(revision);
  const fill = (text: string, value: string) =>
    text.replaceAll('{revision}', () => value).replaceAll('{application}', () => application);
  if (artifacts.startsWith('https:')) {
    if (!URL.canParse(artifacts))
      throw new Problem('bad-artifact', `${artifacts} is not a valid URL`, 'see “artifacts”');
    const name = posix.basename(
      fill(
        new URL(artifacts).pathname.replaceAll(/%7B|%7D/g, (part) => decodeURIComponent(part)),
        revision,
      ),
    );
    return { kind: 'url', at: fill(artifacts, encodeURIComponent(revision)), name };
  }
  const at = artifacts.includes('{revision}')
    ? fill(artifacts, revision)
    : posix.join(artifacts, `${application}-${revision}.tar.gz`);
  return { kind: 'file', at, name: posix.basename(at) };
}

/** The file beside the artifact: `.sha256` goes before a URL's query. */
export function withSuffix(location: ArtifactLocation, suffix: string): ArtifactLocation {
  const name = `${location.name}${suffix}`;
  if (location.kind === 'file') return { kind: 'file', at: `${location.at}${suffix}`, name };
  const url = new URL(location.at);
  url.pathname += suffix;
  return { kind: 'url', at: url.href, name };
}
