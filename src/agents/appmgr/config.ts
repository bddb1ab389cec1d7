import type { FromSchema } from 'json-schema-to-ts';
import { healthSchema } from './health/schema.ts';
import { argv, path, seconds } from './schema-parts.ts';

const application = {
  type: 'object',
  additionalProperties: false,
  anyOf: [
    { required: ['root', 'artifacts'], properties: { root: true, artifacts: true } },
    { required: ['deploy'], properties: { deploy: true } },
  ],
  properties: {
    root: { ...path, description: 'Holds releases/REVISION and the symbolic link “current”; must exist' },
    artifacts: {
      description:
        '“published” for what “mco-deploy publish” delivers to the node; or a directory with NAME-REVISION.tar.gz, or a file or an https URL with {revision} in its name; beside each artifact its sum, as .sha256',
      type: 'string',
      maxLength: 1024,
      pattern: '^(published|/[^\\u0000-\\u001f]*|https://[A-Za-z0-9.:\\[\\]-]+/[^\\s]*\\{revision\\}[^\\s]*)$',
    },
    download: {
      description: 'How artifacts are downloaded from an https URL',
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        ca: { ...path, description: 'Certificates that the server’s must be signed by; the system’s when left out' },
        timeout: { ...seconds(3600, 120), description: 'Seconds for one file' },
        max_size: { type: 'integer', minimum: 1, default: 1073741824, description: 'Bytes of an artifact, packed' },
      },
    },
    signers: {
      description: 'Public keys (Ed25519, PEM); one of them must have signed the sum: NAME-REVISION.tar.gz.sha256.sig',
      type: 'array',
      items: path,
      minItems: 1,
      maxItems: 16,
    },
    shared: {
      description: 'Paths of a release that are links to shared/PATH below the root, and so outlive releases',
      type: 'array',
      items: {
        type: 'string',
        maxLength: 512,
        pattern: '^\\.?[A-Za-z0-9_-][A-Za-z0-9._-]*(/\\.?[A-Za-z0-9_-][A-Za-z0-9._-]*)*$',
      },
      maxItems: 64,
      default: [],
    },
    outside_links: {
      description:
        'Absolute paths of the node that symbolic links in a release may lead to, or below: /usr/bin for the python3 of a virtual environment',
      type: 'array',
      items: { type: 'string', maxLength: 1024, pattern: '^/([A-Za-z0-9_.+@-]+/?)*$' },
      maxItems: 64,
      default: [],
    },
    deploy: {
      description: 'Your own deploy commands, instead of artifacts; {revision} stands for the revision',
      type: 'object',
      additionalProperties: false,
      required: ['command'],
      properties: {
        command: { ...argv, description: 'Puts {revision} into service; must succeed when it is in service already' },
        check: { ...argv, description: 'Succeeds when {revision} can be deployed; changes nothing' },
        fetch: { ...argv, description: 'Copies {revision} to the node without putting it into service' },
        timeout: { ...seconds(3600, 120), description: 'Seconds for each of them' },
      },
    },
    reload: { ...argv, description: 'Makes the service take up the release that “current” names' },
    restart: { ...argv, description: 'Restarts the service; default: the reload command' },
    service: {
      description: 'The same by a systemd unit or a signal, where “reload” is not given',
      type: 'object',
      additionalProperties: false,
      anyOf: [
        { required: ['unit'], properties: { unit: true } },
        { required: ['pid_file'], properties: { pid_file: true } },
      ],
      properties: {
        unit: { type: 'string', maxLength: 255, pattern: '^[A-Za-z0-9][A-Za-z0-9:_.@\\\\-]*$' },
        action: { type: 'string', enum: ['reload', 'restart', 'reload-or-restart'], default: 'reload' },
        pid_file: { ...path, description: 'Holds the process id of the service' },
        signal: { type: 'string', enum: ['HUP', 'USR1', 'USR2', 'TERM', 'INT', 'QUIT', 'WINCH'], default: 'HUP' },
      },
    },
    reload_timeout: { ...seconds(600, 30), description: 'Seconds' },
    health: healthSchema,
    hooks: {
      type: 'object',
      additionalProperties: false,
      properties: {
        before: { ...argv, description: 'Runs in the new release before the switch; its failure changes nothing' },
        after_switch: {
          ...argv,
          description: 'Runs after the switch, before the reload; its failure counts as bad health',
        },
        after: { ...argv, description: 'Runs when the release is healthy; its failure counts as bad health' },
        on_failure: { ...argv, description: 'Runs when a release was given up; MCO_REASON is the reason' },
      },
    },
    hook_timeout: { ...seconds(3600, 120), description: 'Seconds' },
    on_failure: {
      type: 'string',
      enum: ['return', 'stay'],
      default: 'return',
      description: 'What to do when the new release is not healthy: go back to the one before, or leave it',
    },
    keep: { type: 'integer', minimum: 2, maximum: 1000, default: 5, description: 'Releases to keep' },
    max_size: { type: 'integer', minimum: 1, default: 2147483648, description: 'Bytes of a release, unpacked' },
    max_entries: { type: 'integer', minimum: 1, maximum: 10000000, default: 100000 },
  },
} as const;

/** The section `appmgr` of node.yaml. */
export const appmgrConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['applications'],
  properties: {
    applications: {
      type: 'object',
      minProperties: 1,
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 64 },
      additionalProperties: application,
    },
  },
} as const;

export type AppmgrConfig = FromSchema<typeof appmgrConfigSchema>;

/** One application in the form of the functions below. */
export type ApplicationConfig = AppmgrConfig['applications'][string] & { readonly name: string };

/** A command with at least its program, as the schema requires. */
export type Argv = [string, ...string[]];
