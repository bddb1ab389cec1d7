/** Where the settings of a source stand, for hints: `discovery.consul in client.yaml`. @param path below the section of sources */
export type SettingsPlace = (path: string) => string;

export const inClientYaml: SettingsPlace = (path) => `discovery.${path} in client.yaml`;

/** The sources of a relay. */
export const inNodeYaml: SettingsPlace = (path) => `relay.sources.${path} in node.yaml`;
