/** Machines that a binary is built for, as Node names them. */
const targets = ['linux-x64', 'linux-arm64'] as const;
export type Target = (typeof targets)[number];

/** The names of a target's architecture in each kind of package. */
export const architectures = {
  'linux-x64': { deb: 'amd64', rpm: 'x86_64' },
  'linux-arm64': { deb: 'arm64', rpm: 'aarch64' },
} as const;

/** Targets made from the binaries: an npm package and an image of the client, a repository of the Debian packages. */
export const packageKinds = ['deb', 'rpm', 'npm', 'image', 'apt'] as const;
export type PackageKind = (typeof packageKinds)[number];

export const hostTarget = `${process.platform}-${process.arch}` as Target;

/** The targets of a command line: `--target linux-x64,linux-arm64`; undefined when none are named. @throws Error for one that is not known */
export function parseTargets(list: string | undefined): readonly Target[] | undefined {
  if (list === undefined) return;
  const names = [...new Set(list.split(','))];
  const unknown = names.find((name) => !(targets as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`there is no target “${unknown}”: there are ${targets.join(' and ')}`);
  return names as Target[];
}
