import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { FromSchema } from 'json-schema-to-ts';
import type { CredentialFiles } from '../../core/credentials/credentials.ts';
import { readSettings } from '../../core/files/yaml/settings.ts';
import { errnoOf, Problem } from '../../core/errors.ts';
import { withAbsolutePaths } from '../../discovery/sections/paths.ts';
import { domainSchema, sourceSectionSchemas } from '../../discovery/sections/schema.ts';
import { homeOf } from './home.ts';

const path = { type: 'string', minLength: 1, maxLength: 4096 } as const;

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const nodeName = { type: 'string', pattern: `^${label}(\\.${label})*$`, maxLength: 253 } as const;

/** client.yaml */
export const clientConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    tls: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        certificate: { ...path, default: 'operator.crt' },
        key: { ...path, default: 'operator.key' },
        ca: { ...path, default: 'ca.crt' },
        crl: { ...path, default: 'crl.pem' },
      },
      required: ['certificate', 'key', 'ca', 'crl'],
    },
    discovery: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        method: {
          type: 'string',
          enum: ['mdns', 'file', 'cache', 'dns', 'exec', 'consul', 'puppetdb', 'sql'],
          default: 'mdns',
        },
        /** The nodes' file, for the method “file”. */
        file: path,
        /** The domain whose DNS lists the nodes, for the method “dns”; and the server to ask, if not the system's. */
        domain: domainSchema,
        server: { type: 'string', minLength: 1, maxLength: 100 },
        ...sourceSectionSchemas,
        interfaces: { type: 'array', items: { type: 'string', minLength: 1 }, maxItems: 64, default: [] },
        /** Seconds until the first answer must have come. */
        timeout: { type: 'number', exclusiveMinimum: 0, maximum: 60, default: 2 },
      },
      required: ['method', 'interfaces', 'timeout'],
    },
    /** Nodes that relay for this operator: names, with an address if DNS does not have it. All of them are asked. */
    relays: {
      type: 'array',
      maxItems: 64,
      default: [],
      items: {
        anyOf: [
          nodeName,
          {
            type: 'object',
            additionalProperties: false,
            properties: { name: nodeName, address: { type: 'string', minLength: 1, maxLength: 300 } },
            required: ['name'],
          },
        ],
      },
    },
    /** Whether nodes with the role of a relay are used as relays in a large fleet when no relay is named. */
    auto_relays: { type: 'boolean', default: true },
    /** The socket of this host's daemon, if it relays. */
    relay_socket: { ...path, default: '/run/mco-deploy/relay.sock' },
    /** Seconds to connect to a node, and seconds beyond an action's own time to wait for its reply. */
    timeout: { type: 'number', exclusiveMinimum: 0, maximum: 600, default: 10 },
    /** Concurrent connections and calls. */
    concurrency: { type: 'integer', minimum: 1, maximum: 1024, default: 64 },
    /** Seconds that nodes wait for a silent run before others may change them. */
    lease: { type: 'integer', minimum: 3, maximum: 600, default: 30 },
    /**
     * Where journals of runs are stored besides this host. auto: on nodes of the run that run the agent journal and allow it;
     * required: a run without such nodes changes nothing; local: nowhere.
     */
    journal: { type: 'string', enum: ['auto', 'required', 'local'], default: 'auto' },
    /** Defaults of playbooks' inputs, by name. */
    inputs: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'array'] }, default: {} },
  },
  required: [
    'tls',
    'discovery',
    'relays',
    'auto_relays',
    'relay_socket',
    'timeout',
    'concurrency',
    'lease',
    'journal',
    'inputs',
  ],
} as const;

type ClientDocument = FromSchema<typeof clientConfigSchema>;

/** The operator's configuration: paths absolute, defaults filled in, frozen. */
export interface ClientConfig extends Omit<ClientDocument, 'tls'> {
  readonly tls: CredentialFiles;
  readonly file: string;
  /** The cache of known nodes. */
  readonly cacheFile: string;
  /** The memory of keys of nodes behind relays. */
  readonly keysFile: string;
  /** The directory of the runs' journals. */
  readonly stateDirectory: string;
}

/** A directory of this program's own (XDG Base Directory Specification). */
function xdgDirectory(env: Readonly<NodeJS.ProcessEnv>, variable: string, fallback: string): string {
  return join(env[variable] || join(homeOf(env), fallback), 'mco-deploy');
}

/** The default path of client.yaml. */
export function clientConfigPath(env: Readonly<NodeJS.ProcessEnv>): string {
  return join(xdgDirectory(env, 'XDG_CONFIG_HOME', '.config'), 'client.yaml');
}

/**
 * Reads the operator's configuration from the XDG directory, or from the given file.
 * @throws Problem `not-configured`, `unreadable-file`, `bad-configuration`
 */
export async function loadClientConfig(
  path: string | undefined,
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<ClientConfig> {
  const file = resolve(path ?? clientConfigPath(env));
  const value = await readClientDocument(file, path === undefined);
  const at = (relative: string) => resolve(dirname(file), relative);
  const { certificate, key, ca, crl } = value.tls;
  return Object.freeze({
    ...value,
    file,
    tls: { certificate: at(certificate), key: at(key), ca: at(ca), crl: at(crl) },
    discovery: discoveryPaths(value.discovery, at),
    relay_socket: at(value.relay_socket),
    cacheFile: join(xdgDirectory(env, 'XDG_CACHE_HOME', '.cache'), 'nodes.json'),
    keysFile: join(xdgDirectory(env, 'XDG_CACHE_HOME', '.cache'), 'keys'),
    stateDirectory: xdgDirectory(env, 'XDG_STATE_HOME', '.local/state'),
  });
}

/** Paths are relative to the configuration that names them. */
function discoveryPaths(
  { file, ...discovery }: ClientDocument['discovery'],
  at: (relative: string) => string,
): ClientDocument['discovery'] {
  const { consul, puppetdb, sql } = discovery;
  return {
    ...discovery,
    ...(file === undefined ? {} : { file: at(file) }),
    ...(consul === undefined ? {} : { consul: withAbsolutePaths(consul, at) }),
    ...(puppetdb === undefined ? {} : { puppetdb: withAbsolutePaths(puppetdb, at) }),
    ...(sql === undefined ? {} : { sql: withAbsolutePaths(sql, at) }),
  };
}

/** Keys that only files of MCollective and Choria have. */
const foreignKeys =
  /^\s*(libdir|collectives|main_collective|connector|securityprovider|rpcaudit\w*|classesfile|plugin\.[\w.]+)\s*=/m;

async function isForeign(file: string): Promise<boolean> {
  return foreignKeys.test(await readFile(file, 'utf8').catch(() => ''));
}

function foreign(file: string): Problem {
  const hint = 'this program’s own is client.yaml: docs/from/mcollective.md shows what becomes what';
  return new Problem('bad-configuration', `${file} is a configuration of MCollective or Choria`, hint);
}

async function readClientDocument(file: string, isDefault: boolean) {
  try {
    return await readSettings<ClientDocument>(file, 'config/client', clientConfigSchema);
  } catch (error) {
    if (error instanceof Problem && error.code === 'bad-configuration' && (await isForeign(file))) throw foreign(file);
    if (!isDefault || !(error instanceof Problem) || errnoOf(error.cause) !== 'ENOENT') throw error;
    const hint =
      'unpack the bundle of “mco-deploy ca issue operator NAME --bundle FILE” there, or give --config; ' +
      'to start a fleet: mco-deploy ca init --realm REALM --operator NAME';
    throw new Problem('not-configured', `there is no ${file}`, hint);
  }
}
