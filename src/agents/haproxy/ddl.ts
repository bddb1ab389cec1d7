import { defineDdl } from '../../core/ddl/ddl.ts';
import {
  changed,
  changeOutput,
  listedHosts,
  minAvailable,
  names,
  processInfo,
  scope,
  serverState,
  serverWeight,
} from './ddl-parts.ts';

const read = { kind: 'read', repeatable: true, timeout: 20, dryRun: false, display: 'always' } as const;
const change = { kind: 'change', repeatable: true, timeout: 120, dryRun: true } as const;
const hosts = { type: 'object', additionalProperties: false, required: ['server'] } as const;

export const haproxyDdl = defineDdl({
  name: 'haproxy',
  description: 'Takes hosts out of a load balancer’s traffic and puts them back',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    list: {
      description: 'Backends with their servers, and every line that leads to each host asked for',
      ...read,
      input: { type: 'object', additionalProperties: false, properties: scope },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['backends', 'holding', 'hosts', 'unknown'],
        properties: {
          backends: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'servers'],
              properties: { name: { type: 'string' }, servers: names },
            },
          },
          holding: { ...names, description: 'Backends that hold all the hosts asked for' },
          hosts: listedHosts,
          unknown: { ...names, description: 'The hosts asked for that no line leads to' },
          elsewhere: {
            type: 'array',
            description:
              'Hosts that lines beside the backends and ports asked for send requests, with these; left out if none does',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['name', 'lines'],
              properties: { name: { type: 'string' }, lines: names },
            },
          },
        },
      },
    },
    status: {
      description: 'Returns the state of hosts in HAProxy, by every line that leads to them',
      ...read,
      input: { type: 'object', additionalProperties: false, properties: scope },
      output: {
        type: 'object',
        additionalProperties: false,
        required: ['backend', 'ready', 'out', 'servers', 'processes'],
        properties: {
          backend: { type: 'string' },
          ready: {
            type: 'boolean',
            description:
              'Whether all hosts asked for take traffic on all their lines, save for those with a configured weight of 0',
          },
          out: { ...names, description: 'Hosts asked for that do not' },
          notes: {
            ...names,
            description:
              'Who took hosts out, where this was not the calling run, and lines that take no traffic for another reason, in sentences; left out if there are none',
          },
          servers: {
            type: 'array',
            items: serverState,
          },
          processes: {
            type: 'array',
            description: 'The HAProxy processes asked: another pid or start than before means a reload or restart',
            items: processInfo,
          },
        },
      },
    },
    disable: {
      description: 'Takes hosts out: lets their sessions end, then puts every line that leads to them into maintenance',
      ...change,
      traffic: { takes: 'out', hosts: 'server', proof: 'status' },
      display: 'failed',
      input: {
        ...hosts,
        properties: {
          ...scope,
          min_available: minAvailable,
          drain_timeout: {
            description: 'Seconds for sessions to end; the node’s configuration decides when not given',
            type: 'number',
            minimum: 0,
            maximum: 100,
          },
          shutdown: { description: 'Whether to end by force the sessions that are left then', type: 'boolean' },
        },
      },
      output: {
        ...changeOutput,
        properties: {
          ...changeOutput.properties,
          ended: { type: 'integer', description: 'Sessions that were ended by force, where asked for' },
        },
      },
    },
    weight: {
      description: 'Reads how much of the traffic hosts get, and sets it where a weight is given',
      ...change,
      timeout: 60,
      display: 'always',
      input: {
        ...hosts,
        properties: {
          ...scope,
          weight: {
            description:
              '0 to 256, or a percentage of the weight that HAProxy’s configuration gives; left out, it is read',
            type: 'string',
            maxLength: 4,
            pattern: '^[0-9]{1,3}%?$',
          },
          min_available: minAvailable,
        },
      },
      output: {
        ...changeOutput,
        required: ['backend', 'changed', 'unchanged', 'available', 'servers'],
        properties: {
          ...changed,
          servers: {
            type: 'array',
            items: serverWeight,
          },
        },
      },
    },
    enable: {
      description: 'Puts hosts back into traffic once a fresh health check has passed and their agent-checks agree',
      ...change,
      traffic: { takes: 'in', hosts: 'server', proof: 'status' },
      display: 'failed',
      input: {
        ...hosts,
        properties: {
          ...scope,
          own: { description: 'Put in only hosts that this run took out', type: 'boolean' },
          forget: {
            description: 'Whether lines of hosts that are held out may be gone; where all are, only the hold ends',
            type: 'boolean',
          },
        },
      },
      output: changeOutput,
    },
  },
});
