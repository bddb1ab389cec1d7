import { isObject } from '../../core/json.ts';
import type { NodeParts } from './model.ts';
import { fleetSchema } from './schema.ts';

type Schema = Readonly<Record<string, unknown>>;

/**
 * JSON Schema of a whole fleet.yaml for editors, including the sections of all agents and the settings of node.yaml.
 */
export function fleetEditorSchema({ agents, settings }: NodeParts): object {
  const appmgr = agents.find(({ name }) => name === 'appmgr')?.config;
  const sections = agents.filter(({ name }) => name !== 'appmgr').map(({ name, config }) => [name, config]);
  const { agents: _agents, ...others } = at(settings, 'properties');
  const roleProperties = at(fleetSchema, 'properties', 'roles', 'additionalProperties', 'properties');
  const own = at(fleetSchema, 'properties', 'applications', 'additionalProperties');
  const known = at(appmgr ?? {}, 'properties', 'applications', 'additionalProperties', 'properties');
  const role = {
    ...at(fleetSchema, 'properties', 'roles', 'additionalProperties'),
    required: [],
    properties: {
      ...roleProperties,
      agents: {
        ...at(roleProperties, 'agents'),
        additionalProperties: false,
        properties: Object.fromEntries(sections),
      },
      settings: { ...at(roleProperties, 'settings'), additionalProperties: false, properties: others },
    },
  };
  const application = {
    ...own,
    required: ['role'],
    additionalProperties: false,
    properties: { ...known, ...at(own, 'properties') },
  };
  const { properties } = fleetSchema;
  return withoutRequiredDefaults({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'fleet.yaml of mco-deploy',
    ...fleetSchema,
    properties: {
      ...properties,
      roles: { ...properties.roles, additionalProperties: role },
      applications: { ...properties.applications, additionalProperties: application },
    },
  }) as object;
}

function at(schema: object, ...path: readonly string[]): Schema {
  let value: unknown = schema;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return isObject(value) ? value : {};
}

/** A key with a default is optional, although it always exists once the file is read. */
function withoutRequiredDefaults(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRequiredDefaults);
  if (!isObject(schema)) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, withoutRequiredDefaults(value)] as const);
  const copy: Record<string, unknown> = Object.fromEntries(entries);
  const { required, properties } = schema;
  if (Array.isArray(required) && isObject(properties)) {
    copy.required = required.filter((name) => {
      const property = properties[String(name)];
      return !(isObject(property) && 'default' in property);
    });
  }
  return copy;
}
