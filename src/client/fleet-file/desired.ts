import { join } from 'node:path';
import { stringify } from 'yaml';
import type { DesiredFile, DesiredFiles, NodePaths, Paths } from '../install/files/desired-files.ts';
import { systemNeeds } from '../install/files/system-needs.ts';
import { type FileKind, takesEffect } from '../../core/node-files/kinds.ts';
import type { Fleet, Host, NodeParts } from './model.ts';
import { agentSections, nodeYaml, nrpeConfig } from './node-settings.ts';
import { policyFiles } from './policies.ts';

/** A file of a host's configuration, by its kind, as fleet.yaml declares it. */
export interface ConfigFile {
  readonly kind: FileKind;
  /** Below the directory of its kind. */
  readonly name: string;
  readonly path: string;
  readonly content: string;
}

/** A host's files, as fleet.yaml declares them. @throws Problem `bad-configuration`, which names the host */
export function configFiles(
  host: Host,
  fleet: Fleet,
  parts: NodeParts,
  directory: string,
): { readonly files: readonly ConfigFile[]; readonly places: NodePaths } {
  const settings = join(directory, 'node.yaml');
  const text = nodeYaml(host, fleet, directory);
  const places = parts.describe(text, settings);
  const file = (kind: FileKind, path: string, content: string): ConfigFile => {
    return { kind, name: path.slice(path.lastIndexOf('/') + 1), path, content };
  };
  const { classes, checks, hooks } = host.role;
  const files = [
    file('settings', settings, text),
    ...policyFiles(host, fleet, parts, directory).map(({ name, content }) =>
      file('policies', join(places.policies, name), content),
    ),
    ...(Object.keys(host.facts).length === 0
      ? []
      : [file('facts', join(places.facts, 'install.yaml'), stringify(host.facts))]),
    ...(classes.length === 0 ? [] : [file('classes', places.classes, `${classes.join('\n')}\n`)]),
    ...(Object.keys(checks).length === 0 ? [] : [file('checks', join(directory, 'nrpe.cfg'), nrpeConfig(host.role))]),
    ...Object.entries(hooks).map(([name, content]) => file('hooks', join(directory, 'hooks', name), content)),
  ];
  return { files, places };
}

/**
 * All desired files of a host, for `install`. @param more files that only go over ssh: the trust, the helper’s settings
 */
export function desiredFilesOf(
  host: Host,
  fleet: Fleet,
  parts: NodeParts,
  paths: Paths,
  more: (places: NodePaths) => readonly DesiredFile[],
): DesiredFiles {
  const { files, places } = configFiles(host, fleet, parts, paths.directory);
  return {
    paths,
    places,
    relay: host.role.relay,
    ...systemNeeds(agentSections(host, fleet, paths.directory)),
    owns: (path) => path.startsWith(`${paths.directory}/`),
    files: [...files.map(asDesired), ...more(places)],
  };
}

export function asDesired({ kind, path, content }: ConfigFile): DesiredFile {
  const effect = takesEffect[kind];
  return { path, content, mode: 0o644, theirs: true, ...(effect === 'at-once' ? {} : { needs: effect }) };
}
