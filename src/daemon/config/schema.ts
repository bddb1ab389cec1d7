import type { FromSchema } from 'json-schema-to-ts';

const path = { type: 'string', minLength: 1, maxLength: 4096 } as const;
const names = { type: 'array', items: { type: 'string', minLength: 1, maxLength: 256 }, maxItems: 64 } as const;

/** `audit.ship`: each receiver is of exactly one kind. */
const shipSchema = {
  type: 'object',
  maxProperties: 8,
  propertyNames: { pattern: '^[a-z0-9][a-z0-9_-]{0,31}$' },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    properties: {
      /** The journal of systemd on this host. */
      journald: { type: 'object', additionalProperties: false, properties: {} },
      /** Syslog over TLS (RFC 5425), with the node's certificate. */
      syslog: {
        type: 'object',
        additionalProperties: false,
        properties: {
          host: { type: 'string', minLength: 1, maxLength: 253 },
          port: { type: 'integer', minimum: 1, maximum: 65_535, default: 6514 },
          /** The issuer of the receiver's certificate (PEM); by default the fleet's CA. */
          ca: path,
          /** The DNS name in its certificate; by default the host. */
          name: { type: 'string', minLength: 1, maxLength: 253 },
          facility: { type: 'integer', minimum: 0, maximum: 23, default: 13 },
          /** Records that are sent again at the beginning of each connection. */
          overlap: { type: 'integer', minimum: 1, maximum: 100_000, default: 4000 },
        },
        required: ['host', 'port', 'facility', 'overlap'],
      },
      /** Batches by POST; the status of the answer acknowledges them. */
      https: {
        type: 'object',
        additionalProperties: false,
        properties: {
          url: { type: 'string', pattern: '^https://[^\\s]{1,2000}$' },
          /** The issuer of the receiver's certificate (PEM); by default the CAs of Node.js. */
          ca: path,
          /** A file with the token (RFC 6750, “Authorization: Bearer”); read at each request. */
          token_file: path,
        },
        required: ['url'],
      },
    },
  },
} as const;

/** node.yaml, except the agents' own sections. */
export const nodeConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    listen: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        address: { type: 'string', default: '::' },
        port: { type: 'integer', minimum: 0, maximum: 65535, default: 5810 },
        max_connections: { type: 'integer', minimum: 1, maximum: 65535, default: 512 },
      },
      required: ['address', 'port', 'max_connections'],
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        certificate: { ...path, default: 'node.crt' },
        key: { ...path, default: 'node.key' },
        ca: { ...path, default: 'ca.crt' },
        crl: { ...path, default: 'crl.pem' },
      },
      required: ['certificate', 'key', 'ca', 'crl'],
    },
    facts: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        directory: { ...path, default: 'facts.d' },
        /** More files, for example Puppet's; the files of the directory override them. */
        files: { type: 'array', items: path, maxItems: 64, default: [] },
        /** Seconds after which everything is gathered again. */
        age: { type: 'number', minimum: 1, maximum: 86_400, default: 300 },
        /** Facts that may be published by multicast. */
        publish: { ...names, default: ['cluster'] },
      },
      required: ['directory', 'files', 'age', 'publish'],
    },
    classes: { ...path, default: 'classes.txt' },
    /** The limits of callers; times are in seconds. */
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        /** For one IPv4 address or one IPv6 /64, by proven callers. */
        connections_per_address: { type: 'integer', minimum: 1, maximum: 65_535, default: 128 },
        connections_per_caller: { type: 'integer', minimum: 1, maximum: 65_535, default: 64 },
        /**
         * Connections with an unfinished handshake, in total and for one IPv4 address or one IPv6 /64: beyond, the
         * oldest is closed.
         */
        unproven_connections: { type: 'integer', minimum: 1, maximum: 65_535, default: 128 },
        unproven_per_address: { type: 'integer', minimum: 1, maximum: 65_535, default: 64 },
        /** Concurrent calls of one caller. */
        calls_per_caller: { type: 'integer', minimum: 1, maximum: 4096, default: 32 },
        /** Requests a second of one caller in the long run, and the burst before that counts. */
        rate: { type: 'number', exclusiveMinimum: 0, maximum: 100_000, default: 200 },
        burst: { type: 'integer', minimum: 1, maximum: 100_000, default: 2000 },
        /** Of one relay, for all callers whose requests it delivers. */
        calls_per_relay: { type: 'integer', minimum: 1, maximum: 65_536, default: 512 },
        rate_per_relay: { type: 'integer', minimum: 1, maximum: 100_000, default: 2000 },
        /** From connecting to the end of the handshake. */
        handshake: { type: 'number', exclusiveMinimum: 0, maximum: 120, default: 5 },
        /** For a client to send a request, or to read a reply. */
        stall: { type: 'number', exclusiveMinimum: 0, maximum: 600, default: 30 },
        /** Until a connection that carries no call is closed. */
        idle: { type: 'number', exclusiveMinimum: 0, maximum: 86_400, default: 600 },
      },
      required: [
        'connections_per_address',
        'connections_per_caller',
        'unproven_connections',
        'unproven_per_address',
        'calls_per_caller',
        'rate',
        'burst',
        'calls_per_relay',
        'rate_per_relay',
        'handshake',
        'stall',
        'idle',
      ],
    },
    policies: { ...path, default: 'policies' },
    discovery: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        mdns: { type: 'boolean', default: true },
        interfaces: { ...names, default: [] },
      },
      required: ['mdns', 'interfaces'],
    },
    audit: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        file: { ...path, default: '/var/log/mco-deploy/audit.jsonl' },
        /** A file of this size, or with a first record of this age in days, is renamed and a new one begins. */
        max_bytes: { type: 'integer', minimum: 65_536, maximum: 1_073_741_824, default: 67_108_864 },
        max_age: { type: 'number', exclusiveMinimum: 0, maximum: 3660, default: 30 },
        /** Full files that are kept, by number or by age in days; all of them when neither is given. */
        keep: {
          type: 'object',
          additionalProperties: false,
          default: {},
          properties: {
            files: { type: 'integer', minimum: 1, maximum: 100_000 },
            days: { type: 'number', minimum: 1, maximum: 36_600 },
          },
        },
        /** Where records are sent, under a name that each receiver gets here. */
        ship: shipSchema,
        /** Bytes that may wait for a receiver before the node warns. */
        spool_bytes: { type: 'integer', minimum: 65_536, maximum: 1_099_511_627_776, default: 1_073_741_824 },
      },
      required: ['file', 'max_bytes', 'max_age', 'keep', 'spool_bytes'],
    },
    state: { ...path, default: '/var/lib/mco-deploy' },
    log: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: { level: { type: 'string', enum: ['debug', 'info', 'warn', 'error', 'silent'], default: 'info' } },
      required: ['level'],
    },
    /** Metrics for Prometheus at /metrics, only if configured. */
    metrics: {
      type: 'object',
      additionalProperties: false,
      properties: {
        port: { type: 'integer', minimum: 1, maximum: 65535 },
        /**
         * Beyond loopback, the answer goes over TLS with the node's certificate, and only to clients with the token.
         */
        address: { type: 'string', pattern: '^[0-9a-fA-F:.]{2,45}$', default: '127.0.0.1' },
        /** A file with the token (RFC 6750, “Authorization: Bearer”); read at each request. */
        token_file: path,
      },
      required: ['port', 'address'],
    },
    /** Makes the node a relay, which keeps connections to its peers warm and passes sealed requests on. */
    relay: {
      type: 'object',
      additionalProperties: false,
      properties: {
        /** The socket for users of this host, or false for none: its permissions decide who may use it. */
        socket: { anyOf: [path, { const: false }], default: '/run/mco-deploy/relay.sock' },
        /** A list of peers that are not heard by multicast, as --nodes takes it. */
        nodes: path,
        /** Where to ask for peers: checked by `relaySourcesSchema`, where a node is a relay. */
        sources: { type: 'object', maxProperties: 8, additionalProperties: { type: 'object' } },
        /** Seconds between two questions to a source. */
        refresh: { type: 'integer', minimum: 1, maximum: 86_400, default: 60 },
        /** Connections to peers. */
        max_peers: { type: 'integer', minimum: 1, maximum: 20_000, default: 2048 },
        /** Concurrent requests, and their bytes. */
        max_calls: { type: 'integer', minimum: 1, maximum: 100_000, default: 4096 },
        max_bytes: { type: 'integer', minimum: 1_048_576, maximum: 1_073_741_824, default: 67_108_864 },
      },
      required: ['socket', 'refresh', 'max_peers', 'max_calls', 'max_bytes'],
    },
    /** The allowed difference of a caller's clock, in seconds. */
    clock_grace: { type: 'number', minimum: 0, maximum: 600, default: 10 },
    /** Concurrent actions of one agent. */
    concurrency: { type: 'integer', minimum: 1, maximum: 256, default: 8 },
    agents: { type: 'object', additionalProperties: { type: 'object' }, default: { rpcutil: {} } },
    /** Agents in other languages: executables with their DDLs, and the paths of their settings. */
    external: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: { directory: { ...path, default: 'agents.d' }, plugins: { ...path, default: 'plugin.d' } },
      required: ['directory', 'plugins'],
    },
  },
  required: [
    'listen',
    'tls',
    'facts',
    'classes',
    'limits',
    'policies',
    'discovery',
    'audit',
    'state',
    'log',
    'clock_grace',
    'concurrency',
    'agents',
    'external',
  ],
} as const;

/** node.yaml as written, with defaults filled in. */
export type NodeDocument = FromSchema<typeof nodeConfigSchema>;
