import { checkStates } from '../../core/check-state.ts';
import { defineDdl } from '../../core/ddl/ddl.ts';

export const commandPattern = '^[A-Za-z0-9_][A-Za-z0-9_.:+-]*$';

/** No argument begins with `-`, nor contains what a shell, if there were one, would interpret. */
const safe = '\\u0000-\\u001f\\u007f`$;|&<>()\'"\\\\{}\\[\\]*?#!';
const argument = `([^${safe}-][^${safe}]*)?`;

const checkProperties = {
  command: { type: 'string' },
  exitcode: { type: 'integer', minimum: 0, maximum: 3, description: '0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN' },
  state: { type: 'string', enum: checkStates },
  output: { type: 'string', description: 'The output of the plugin, without performance data' },
  perfdata: { type: 'string' },
} as const;

const check = {
  type: 'object',
  additionalProperties: false,
  required: ['command', 'exitcode', 'state', 'output', 'perfdata'],
  properties: checkProperties,
} as const;

const names = { type: 'array', items: { type: 'string' } } as const;
const nothing = { type: 'object', additionalProperties: false, properties: {} } as const;

export const nrpeDdl = defineDdl({
  name: 'nrpe',
  description: 'Runs monitoring plugins as nrpe.cfg defines them, or has an NRPE daemon run them',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    runcommand: {
      description: 'Runs one check; the call succeeds whatever state the check finds',
      kind: 'read',
      repeatable: true,
      timeout: 70,
      dryRun: false,
      display: 'always',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['command'],
        properties: {
          command: {
            description: 'Name of a command in nrpe.cfg',
            type: 'string',
            minLength: 1,
            maxLength: 128,
            pattern: commandPattern,
          },
          args: {
            description: 'Arguments for $ARG1$, $ARG2$, …, separated by “!”, where the node allows them',
            type: 'string',
            minLength: 1,
            maxLength: 1024,
            pattern: `^${argument}(!${argument})*$`,
          },
        },
      },
      output: check,
      aggregate: [{ function: 'nagios_states', output: 'exitcode' }],
    },
    runallcommands: {
      description: 'Runs every check that is defined and needs no argument; UNKNOWN where there is none',
      kind: 'read',
      repeatable: true,
      timeout: 300,
      dryRun: false,
      display: 'always',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['exitcode', 'state', 'checks'],
        properties: {
          exitcode: { ...checkProperties.exitcode, description: 'Of the worst check' },
          state: checkProperties.state,
          checks: { type: 'array', items: check },
        },
      },
      aggregate: [{ function: 'nagios_states', output: 'exitcode' }],
    },
    list: {
      description: 'Names of the checks that are defined, and why some of them are refused',
      kind: 'read',
      repeatable: true,
      timeout: 10,
      dryRun: false,
      display: 'always',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['commands', 'refused'],
        properties: {
          commands: names,
          refused: {
            ...names,
            description: 'NAME: why it is not run; and the lines of the configuration that cannot be used',
          },
        },
      },
    },
  },
});
