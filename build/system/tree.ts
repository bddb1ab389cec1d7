import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startingFiles } from '../../src/ca/starting-files.ts';
import { scripts } from '../../src/client/completion/scripts.ts';
import { projectManual } from './project-manual.ts';

export interface PackageContents {
  readonly binary: string;
  readonly version: string;
  /** Seconds since the epoch. */
  readonly date: number;
  /** CycloneDX, JSON. */
  readonly sbom: string;
  readonly licences: string;
}

/** The places of the files in that kind of package: paths from the root, without a leading slash. */
export interface PackagePaths {
  readonly doc: string;
  readonly zshCompletion: string;
}

/** Lays out below `root` what every system package holds: the program, its unit, rules, manual page and completions. */
export async function layOutSystem(root: string, contents: PackageContents, paths: PackagePaths): Promise<void> {
  const { binary, version, date, sbom, licences } = contents;
  const { doc, zshCompletion } = paths;
  const own = (name: string) => readFile(join(import.meta.dirname, 'files', name), 'utf8');
  const nodeYaml = startingFiles({ kind: 'node', name: 'node.example.net' }).find(({ path }) => path === 'node.yaml');
  const texts: Readonly<Record<string, string | Buffer>> = {
    'usr/lib/systemd/system/mco-deploy.service': await own('mco-deploy.service'),
    'usr/lib/systemd/system/mco-deploy-config.socket': await own('mco-deploy-config.socket'),
    'usr/lib/systemd/system/mco-deploy-config@.service': await own('mco-deploy-config@.service'),
    [polkitRules]: await own('50-mco-deploy.rules'),
    'usr/share/bash-completion/completions/mco-deploy': scripts.bash,
    [zshCompletion]: scripts.zsh,
    'usr/share/fish/vendor_completions.d/mco-deploy.fish': scripts.fish,
    'usr/share/man/man1/mco-deploy.1.gz': zipped(await projectManual(version, date)),
    [`${doc}/third-party-licences.gz`]: zipped(licences),
    [`${doc}/mco-deploy.cdx.json.gz`]: zipped(sbom),
    [`${doc}/examples/node.yaml`]: String(nodeYaml?.content),
    [`${doc}/examples/appmgr.conf`]: await own('appmgr.conf'),
  };
  const directories = configDirectories.map((name) => `etc/mco-deploy/${name}`);
  for (const directory of [...directories, 'var/lib/mco-deploy', 'var/log/mco-deploy'])
    await makeDirectory(root, directory);
  for (const [path, content] of Object.entries(texts)) await put(root, path, content, 0o644);
  await makeDirectory(root, 'usr/bin');
  await copyFile(binary, join(root, 'usr/bin/mco-deploy'));
  await chmod(join(root, 'usr/bin/mco-deploy'), 0o755);
}

export const polkitRules = 'etc/polkit-1/rules.d/50-mco-deploy.rules';
export const configDirectories = ['policies', 'facts.d', 'agents.d', 'plugin.d'] as const;

export async function put(root: string, path: string, content: string | Buffer, mode: number): Promise<void> {
  await makeDirectory(root, dirname(path));
  await writeFile(join(root, path), content);
  await chmod(join(root, path), mode);
}

/** Writes the tree, with modes that do not depend on the builder's umask. */
async function makeDirectory(root: string, path: string): Promise<void> {
  let at = root;
  for (const name of ['.', ...path.split('/')]) {
    at = join(at, name);
    await mkdir(at, { recursive: true });
    await chmod(at, 0o755);
  }
}

export function zipped(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}

export const summary = 'deploys web applications across many machines in real time';
export const description = [
  'mco-deploy takes the servers of a cluster out of their load balancer, brings',
  'them to another release, checks them and puts them back, in about a second and',
  'without losing a request. Every node runs one daemon, which alone decides who',
  'may do what, over mutual TLS and with every request signed and written to an',
  'audit log. There is no broker, no master and no SSH at run time.',
] as const;
