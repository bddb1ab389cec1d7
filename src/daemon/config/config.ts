import { dirname, resolve } from 'node:path';
import { validatorOf } from '#validators';
import type { AgentEntry } from '../../core/agent.ts';
import type { CredentialFiles } from '../../core/credentials/credentials.ts';
import { type Document, parseDocumentText, readDocument } from '../../core/files/yaml/document.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { faultsOf, formatPath, type Validate } from '../../core/ddl/schema.ts';
import { suggest } from '../../core/text.ts';
import { withAbsolutePaths } from '../../discovery/sections/paths.ts';
import { type RelaySources, relaySourcesSchema } from '../../discovery/sections/schema.ts';
import { isLoopback } from '../metrics/loopback.ts';
import { type NodeDocument, nodeConfigSchema } from './schema.ts';
import type { TruthSources } from '../facts/node-truth.ts';

/** The daemon's configuration: every path absolute, every default filled in, frozen. */
export interface NodeConfig extends Omit<NodeDocument, 'agents' | 'tls' | 'relay'> {
  readonly file: string;
  readonly tls: CredentialFiles;
  /** The enabled agents' own sections, by name. */
  readonly agents: Readonly<Record<string, JsonObject>>;
  readonly relay?: RelaySettings;
}

/** The section `relay`, with the settings of its sources checked. */
export type RelaySettings = Omit<NonNullable<NodeDocument['relay']>, 'sources'> & { readonly sources?: RelaySources };

/**
 * @param known the existing agents
 * @throws Problem `unreadable-file`, `bad-configuration` with file, line and the nearest known key
 */
export async function loadNodeConfig(file: string, known: readonly AgentEntry[]): Promise<NodeConfig> {
  const document = await readDocument<NodeDocument>(file, 'configuration', 'config/node', nodeConfigSchema);
  return completeNodeConfig(document, known);
}

/** The same for a text that will be in that file. @throws Problem `bad-configuration` */
export function parseNodeConfig(text: string, file: string, known: readonly AgentEntry[]): NodeConfig {
  const document = parseDocumentText<NodeDocument>(text, file, 'configuration', 'config/node', nodeConfigSchema);
  return completeNodeConfig(document, known);
}

function completeNodeConfig(document: Document<NodeDocument>, known: readonly AgentEntry[]): NodeConfig {
  const { file } = document;
  const { value, locate } = document;
  const at = (path: string) => resolve(dirname(file), path);
  const agents = value.agents as Record<string, JsonObject>;
  for (const [name, section] of Object.entries(agents)) {
    const entry = known.find(({ ddl }) => ddl.name === name);
    if (entry === undefined) {
      const names = known.map(({ ddl }) => ddl.name);
      const message = `${locate(['agents', name])}: there is no agent “${name}”: ${suggest(name, names)}`;
      throw new Problem('bad-configuration', message);
    }
    checkSection(['agents', name], section, validatorOf(`agent/${name}/config`, entry.config), locate);
  }
  const { relay, ...rest } = value;
  return Object.freeze({
    ...rest,
    file: resolve(file),
    tls: {
      certificate: at(value.tls.certificate),
      key: at(value.tls.key),
      ca: at(value.tls.ca),
      crl: at(value.tls.crl),
    },
    facts: { ...value.facts, directory: at(value.facts.directory), files: value.facts.files.map(at) },
    classes: at(value.classes),
    policies: at(value.policies),
    audit: { ...value.audit, ...receiverPaths(value.audit, at), file: at(value.audit.file) },
    state: at(value.state),
    ...(value.metrics === undefined ? {} : { metrics: metricsOf(value.metrics, at, locate) }),
    ...(relay === undefined ? {} : { relay: relaySettings(relay, at, locate) }),
    external: { directory: at(value.external.directory), plugins: at(value.external.plugins) },
    agents,
  });
}

/** @throws Problem `bad-configuration`: every client that reaches the port could read the numbers */
function metricsOf(
  metrics: NonNullable<NodeDocument['metrics']>,
  at: (path: string) => string,
  locate: (path: readonly string[]) => string,
) {
  const { address, token_file } = metrics;
  if (token_file !== undefined) return { ...metrics, token_file: at(token_file) };
  if (isLoopback(address)) return metrics;
  const message = `${locate(['metrics', 'address'])}: metrics beyond loopback need a token`;
  throw new Problem('bad-configuration', message, 'add token_file: FILE below metrics');
}

/** @throws Problem `bad-configuration` */
function relaySettings(
  { socket, nodes, sources, ...others }: NonNullable<NodeDocument['relay']>,
  at: (path: string) => string,
  locate: (path: readonly string[]) => string,
): RelaySettings {
  return {
    ...others,
    socket: typeof socket === 'string' ? at(socket) : socket,
    ...(nodes === undefined ? {} : { nodes: at(nodes) }),
    ...(sources === undefined ? {} : { sources: relaySources(sources as JsonObject, at, locate) }),
  };
}

/** The sources are checked by themselves: only a relay loads what that takes. */
function relaySources(
  sources: JsonObject,
  at: (path: string) => string,
  locate: (path: readonly string[]) => string,
): RelaySources {
  const validate = validatorOf('config/relay-sources', relaySourcesSchema);
  checkSection(['relay', 'sources'], sources, validate, locate);
  const sections = Object.entries(sources as Record<string, JsonObject>);
  return Object.fromEntries(sections.map(([name, section]) => [name, withAbsolutePaths(section, at)]));
}

function receiverPaths({ ship }: NodeDocument['audit'], at: (path: string) => string) {
  if (ship === undefined) return {};
  const resolved = Object.entries(ship).map(([name, receiver]) => {
    const parts = Object.entries(receiver).map(([kind, section]) => {
      const { ca, token_file } = section as { ca?: string; token_file?: string };
      const files = { ...(ca === undefined ? {} : { ca: at(ca) }), ...(token_file && { token_file: at(token_file) }) };
      return [kind, { ...section, ...files }];
    });
    return [name, Object.fromEntries(parts)];
  });
  return { ship: Object.fromEntries(resolved) as NonNullable<NodeDocument['audit']['ship']> };
}

function checkSection(
  place: readonly string[],
  section: JsonObject,
  validate: Validate,
  locate: (path: readonly string[]) => string,
): void {
  if (validate(section)) return;
  const [fault] = faultsOf(validate);
  const path = [...place, ...(fault?.path ?? [])];
  const what = fault?.atKey === true ? '' : `${formatPath(path)}: `;
  throw new Problem('bad-configuration', `${locate(path)}: ${what}${fault?.message}`);
}

/** Where a node's facts and classes are. */
export function truthSources({ facts: { directory, files }, classes }: NodeConfig): TruthSources {
  return { directory, files, classes };
}
