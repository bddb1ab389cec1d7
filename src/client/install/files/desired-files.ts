import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { decodeText } from '../../../core/files/decode.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { valueOfYaml, type YamlFault } from '../../../core/files/yaml/yaml-fault.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import { parseGroups, parsePolicy } from '../../../core/policy/parse.ts';
import { type SystemNeeds, systemNeeds } from './system-needs.ts';
/** Paths on a host; the others come from the node’s configuration. */
export interface Paths {
  readonly program: string;
  readonly directory: string;
  /** The staging paths. */
  readonly staging: string;
}

/** A node’s configuration with absolute paths. */
export interface NodePaths {
  readonly port: number;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly crl: string;
  readonly facts: string;
  readonly classes: string;
  readonly policies: string;
  readonly state: string;
  readonly auditFile: string;
}

/** Reads a node’s configuration as its daemon will. @throws Problem `bad-configuration` */
export type CheckNodeConfig = (text: string, file: string) => Promise<NodePaths>;

export interface DesiredFileOptions {
  readonly agent?: readonly string[];
  readonly fact?: readonly string[];
  readonly class?: readonly string[];
  readonly nodeConfig?: string;
  readonly policies?: string;
  /** Makes the host a relay: in its certificate and in its configuration. */
  readonly relay?: boolean;
}

/** The desired state of a file on the host. */
export interface DesiredFile {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
  /** Others may change it on the host: it is replaced only if they did not, or on request. */
  readonly theirs: boolean;
  /** What a running daemon does to load it: omitted if it notices the new file by itself. */
  readonly needs?: 'reload' | 'restart';
}

/** The fleet’s CA certificates and revocation list, in PEM. */
export interface FleetFiles {
  readonly ca: string;
  readonly crl?: string;
}

/** The files of every host; its certificate, and a unit with systemd, are added. */
export interface DesiredFiles extends SystemNeeds {
  readonly paths: Paths;
  readonly places: NodePaths;
  /** Whether its certificate lets it relay. */
  readonly relay: boolean;
  readonly files: readonly DesiredFile[];
  /** More files, which depend on the service manager: `systemd`, `none`, or the path of an init script. */
  readonly forService?: (service: string) => readonly DesiredFile[];
  /** Files of its manifest that it removes when they are no longer declared; none if omitted. */
  readonly owns?: (path: string) => boolean;
}

const firstAgents = ['rpcutil', 'lock', 'journal', 'jobs', 'crl', 'audit'];

/**
 * @param operator the name of the operator that the first policy allows everything
 * @throws Problem `usage`, `unreadable-file`, `bad-configuration`, `bad-policy`
 */
export async function describeDesiredFiles(
  options: DesiredFileOptions,
  paths: Paths,
  fleet: FleetFiles,
  operator: string,
  check: CheckNodeConfig,
): Promise<DesiredFiles> {
  const configFile = join(paths.directory, 'node.yaml');
  const ownConfig = options.nodeConfig === undefined ? {} : await readYaml(options.nodeConfig);
  const relay = options.relay === true;
  const { text, agents } = nodeYaml({ ...(relay ? { relay: {} } : {}), ...ownConfig }, options.agent);
  const places = await check(text, configFile).catch((error: unknown) => explainOwn(error, configFile, options, check));
  const ours = (path: string, content: string) => ({ path, content, mode: 0o644, theirs: false });
  const theirs = (path: string, content: string, needs: 'reload' | 'restart') => {
    return { ...ours(path, content), theirs: true, needs };
  };
  const classes = (options.class ?? []).map(requireClass);
  const facts = parseFacts(options.fact ?? []);
  const policies = options.policies === undefined ? firstPolicy(operator) : await readPolicies(options.policies);
  return {
    paths,
    places,
    relay,
    ...systemNeeds(agents),
    files: [
      theirs(configFile, text, 'restart'),
      ...(classes.length === 0 ? [] : [theirs(places.classes, `${classes.join('\n')}\n`, 'reload')]),
      ...policies.map(({ name, content }) => theirs(join(places.policies, name), content, 'reload')),
      ...(Object.keys(facts).length === 0
        ? []
        : [theirs(join(places.facts, 'install.yaml'), stringify(facts), 'reload')]),
      ours(places.ca, fleet.ca),
      ...(fleet.crl === undefined ? [] : [ours(places.crl, fleet.crl)]),
    ],
  };
}

/** A fault is reported where the operator wrote it: in the file that was named, or in the options. */
async function explainOwn(
  error: unknown,
  hostFile: string,
  { nodeConfig, agent = [] }: DesiredFileOptions,
  check: CheckNodeConfig,
): Promise<never> {
  if (!(error instanceof Problem)) throw error;
  if (nodeConfig !== undefined) await check(await readText(nodeConfig), nodeConfig);
  const faults = error.message.split('\n').map((line) => line.slice(line.match(/^[^ ]*:\d+:\d+: /)?.[0].length ?? 0));
  if (agent.length === 0 || !error.message.startsWith(`${hostFile}:`)) throw error;
  throw new Problem('usage', `--agent ${agent.join(' ')}: ${faults.join('; ')}`, error.hint, { cause: error });
}

async function readYaml(file: string): Promise<JsonObject> {
  const text = await readText(file);
  const refuse = ({ line, message }: YamlFault) => new Problem('bad-configuration', `${file}:${line}: ${message}`);
  const value = valueOfYaml(text, refuse) ?? {};
  if (isObject(value)) return value as JsonObject;
  throw new Problem('bad-configuration', `${file}: keys with values are expected, as in “key: value”`);
}

/** The given settings; of their agents the requested ones, or all. */
function nodeYaml({ agents, ...settings }: JsonObject, agentNames: readonly string[] | undefined) {
  const sections = isObject(agents) ? (agents as JsonObject) : {};
  const names = agentNames ?? (Object.keys(sections).length > 0 ? Object.keys(sections) : firstAgents);
  const chosen = Object.fromEntries(names.map((name) => [name, sections[name] ?? {}]));
  const first = '# Written by mco-deploy install; every key is explained in docs/daemon.md.\n';
  return { text: first + stringify({ ...settings, agents: chosen }), agents: chosen };
}

function firstPolicy(operator: string): { name: string; content: string }[] {
  const rule = `allow\tcert=${operator}\t*\t*\t*`;
  return [
    {
      name: 'default.policy',
      content: `# The operator who installed this node may call everything; nobody else may call anything.\npolicy default deny\n${rule}\n`,
    },
  ];
}

async function readPolicies(path: string): Promise<{ name: string; content: string }[]> {
  const found = await stat(path).catch((cause) => {
    throw new Problem('unreadable-file', `the policies ${path} cannot be read: ${explainErrno(cause)}`);
  });
  const files = found.isDirectory() ? (await readdir(path)).sort().map((name) => join(path, name)) : [path];
  const policies = files.filter((file) => /^([A-Za-z0-9_-]+\.policy|groups)$/.test(basename(file)));
  if (policies.length === 0) throw new Problem('usage', `there is no AGENT.policy in ${path}`);
  const read = await Promise.all(
    policies.map(async (file) => ({ file, name: basename(file), content: await readText(file) })),
  );
  const groups = read.find(({ name }) => name === 'groups');
  const known = parseGroups(groups?.content ?? '', groups?.file ?? 'groups');
  // A policy that the daemon would refuse allows nobody: better to report it before it is written.
  for (const { file, name, content } of read) if (name !== 'groups') parsePolicy(content, file, known);
  return read;
}

async function readText(file: string): Promise<string> {
  try {
    return decodeText(await readInput(file));
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

function parseFacts(terms: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    terms.map((term) => {
      const [, name, value] = /^([A-Za-z0-9_-]{1,64})=([^\n]{0,1024})$/.exec(term) ?? [];
      if (name === undefined || value === undefined) {
        throw new Problem('usage', `“${term}” is not a valid fact`, 'write name=value, as in cluster=bravo');
      }
      return [name, value];
    }),
  );
}

function requireClass(name: string): string {
  if (/^[A-Za-z0-9_.:-]{1,128}$/.test(name)) return name;
  throw new Problem('usage', `“${name}” is not a valid class name`);
}
