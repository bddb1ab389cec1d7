import { defineDdl } from '../../core/ddl/ddl.ts';

const factName = { type: 'string', pattern: '^[A-Za-z0-9_:.-]{1,200}$', 'x-prompt': 'The name of a fact' } as const;
const nothing = { type: 'object', additionalProperties: false, properties: {} } as const;
const strings = { type: 'array', items: { type: 'string' } } as const;

const read = { kind: 'read', repeatable: true, timeout: 5, dryRun: false, display: 'always' } as const;

export const rpcutilDdl = defineDdl({
  name: 'rpcutil',
  description: 'Returns information on the node and the daemon',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    ping: {
      ...read,
      description: 'Returns the time, to show that the agent can be called',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['pong'],
        properties: {
          pong: {
            type: 'integer',
            description: 'Seconds since the epoch',
            'x-unit': 'epoch-s',
            'x-display-as': 'Time',
          },
        },
      },
    },
    inventory: {
      ...read,
      description: 'Returns the agents, classes, facts and version of the node',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['agents', 'classes', 'facts', 'version', 'warnings'],
        properties: {
          agents: { ...strings, 'x-display-as': 'Agents' },
          classes: { ...strings, 'x-display-as': 'Classes' },
          facts: { type: 'object', 'x-display-as': 'Facts' },
          version: { type: 'string', 'x-display-as': 'Version' },
          warnings: { ...strings, 'x-display-as': 'Warnings' },
        },
      },
    },
    get_fact: {
      ...read,
      description: 'Returns the value of one fact; null where the node has no such fact',
      input: { type: 'object', additionalProperties: false, required: ['fact'], properties: { fact: factName } },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['fact', 'value'],
        properties: { fact: { type: 'string', 'x-display-as': 'Fact' }, value: { 'x-display-as': 'Value' } },
      },
      aggregate: [{ function: 'summary', output: 'value' }],
    },
    get_facts: {
      ...read,
      description: 'Returns the values of several facts',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['facts'],
        properties: {
          facts: {
            type: 'string',
            pattern: '^[A-Za-z0-9_:.-]{1,200}(,[A-Za-z0-9_:.-]{1,200}){0,99}$',
            'x-prompt': 'Names, separated by commas',
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['values'],
        properties: { values: { type: 'object', 'x-display-as': 'Values' } },
      },
    },
    collective_info: {
      ...read,
      description: 'Returns the collectives of the node: the fleet is the only one',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['main_collective', 'collectives'],
        properties: {
          main_collective: { type: 'string', 'x-display-as': 'Main Collective' },
          collectives: { ...strings, 'x-display-as': 'All Collectives' },
        },
      },
    },
    get_config_item: {
      ...read,
      description: 'Returns a value of the configuration of the daemon; only those without secrets can be requested',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['item'],
        properties: {
          item: {
            type: 'string',
            pattern: '^[a-z_]{1,40}(\\.[a-z_]{1,40}){0,3}$',
            description: 'Its place in node.yaml, such as log.level',
            'x-prompt': 'The name of an item',
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['item', 'value'],
        properties: { item: { type: 'string', 'x-display-as': 'Item' }, value: { 'x-display-as': 'Value' } },
      },
      aggregate: [{ function: 'summary', output: 'value' }],
    },
    get_data: {
      ...read,
      description: 'Looks something up on the node: an agent, a class or a fact by its name',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['source', 'query'],
        properties: {
          source: { type: 'string', enum: ['agent', 'class', 'fact'], 'x-prompt': 'What to look up' },
          query: { type: 'string', pattern: '^[A-Za-z0-9_:.-]{1,200}$', 'x-prompt': 'Its name' },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['found', 'value'],
        properties: {
          found: { type: 'boolean', 'x-display-as': 'Found' },
          value: { description: 'What is known of it, or null', 'x-display-as': 'Value' },
        },
      },
    },
    daemon_stats: {
      ...read,
      description: 'Returns counters and memory of the daemon',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: [
          'pid',
          'version',
          'starttime',
          'uptime',
          'memory_bytes',
          'cpu_seconds',
          'configfile',
          'counters',
          'agents',
        ],
        properties: {
          pid: { type: 'integer', 'x-display-as': 'Process ID' },
          version: { type: 'string', 'x-display-as': 'Version' },
          starttime: {
            type: 'integer',
            description: 'Seconds since the epoch',
            'x-unit': 'epoch-s',
            'x-display-as': 'Started',
          },
          uptime: { type: 'integer', description: 'Seconds', 'x-display-as': 'Uptime' },
          memory_bytes: { type: 'integer', description: 'Resident set size', 'x-display-as': 'Memory' },
          cpu_seconds: { type: 'number', description: 'User and system', 'x-display-as': 'CPU time' },
          configfile: { type: 'string', 'x-display-as': 'Configuration' },
          counters: { type: 'object', additionalProperties: { type: 'integer' }, 'x-display-as': 'Counters' },
          agents: { ...strings, 'x-display-as': 'Agents' },
        },
      },
    },
    may_i: {
      ...read,
      description: 'Returns which actions the caller may call here, by the current policies; calls none of them',
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['actions'],
        properties: {
          actions: {
            type: 'string',
            pattern:
              '^[a-z][a-z0-9_]{0,63}\\.[A-Za-z][A-Za-z0-9_]{0,63}(,[a-z][a-z0-9_]{0,63}\\.[A-Za-z][A-Za-z0-9_]{0,63}){0,99}$',
            'x-prompt': 'AGENT.ACTION, separated by commas',
          },
        },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['allowed', 'denied', 'unknown'],
        properties: {
          allowed: { ...strings, 'x-display-as': 'Allowed' },
          denied: { ...strings, 'x-display-as': 'Denied' },
          unknown: { ...strings, description: 'Of agents that do not run here', 'x-display-as': 'Unknown' },
        },
      },
    },
    agent_inventory: {
      ...read,
      description: 'Returns information on the agents of the node',
      input: nothing,
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['agents'],
        properties: {
          agents: {
            type: 'array',
            'x-display-as': 'Agents',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'version', 'author', 'license', 'description', 'url', 'timeout'],
              properties: {
                name: { type: 'string' },
                version: { type: 'string' },
                author: { type: 'string' },
                license: { type: 'string' },
                description: { type: 'string' },
                url: { type: 'string' },
                timeout: { type: 'number' },
              },
            },
          },
        },
      },
    },
  },
});
