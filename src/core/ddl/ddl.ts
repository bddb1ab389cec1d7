import type { ExtendedJSONSchema } from 'json-schema-to-ts';

/** Additions of a property to JSON Schema, for people and clients. */
export type Annotations = {
  /** Its value is never logged, stored or shown. */
  readonly 'x-sensitive'?: boolean;
  /** It names the application of the call: a certificate for another one is refused. */
  readonly 'x-application'?: boolean;
  /** Its heading. */
  readonly 'x-display-as'?: string;
  /** The prompt for a person. */
  readonly 'x-prompt'?: string;
  /** What a number is: seconds or milliseconds since the epoch, shown to people as a time. */
  readonly 'x-unit'?: 'epoch-s' | 'epoch-ms';
};

export type AnnotatedSchema = ExtendedJSONSchema<Annotations>;

/** JSON Schema (draft 7) of an object. */
export type ObjectSchema = AnnotatedSchema & { readonly type: 'object' };

/** How the replies of many nodes are summarised. */
export interface Aggregate {
  readonly function: 'summary' | 'average' | 'sum' | 'nagios_states';
  /** The output that is summarised. */
  readonly output: string;
}

/** One action. */
export interface ActionDdl {
  readonly description: string;
  /** Whether it changes anything on the node. */
  readonly kind: 'read' | 'change';
  /** Whether it is harmless to repeat it. */
  readonly repeatable: boolean;
  /** Seconds until it is cancelled. */
  readonly timeout: number;
  /** Whether it can report what it would change without changing it. */
  readonly dryRun: boolean;
  /** Which replies a client shows by default. */
  readonly display: 'ok' | 'failed' | 'always';
  readonly input: ObjectSchema;
  readonly output: ObjectSchema;
  readonly aggregate?: readonly Aggregate[];
  /** Omitted for an action that takes no host out of traffic and puts none in. */
  readonly traffic?: TrafficEffect;
}

/**
 * The effect of an action on the traffic of hosts. A run that took hosts out has a proof, right before and after each
 * change of them, that they were out the whole time: the action that took them out returns `hosts: [{name,
 * out_since}]`, and `proof`, called with the same inputs, `servers: [{name, out_since, breaks: [{at, line, cause,
 * where}]}]`. Equal times mean that there was no break.
 */
export interface TrafficEffect {
  readonly takes: 'out' | 'in';
  /** The input that names the hosts, separated by commas. */
  readonly hosts: string;
  /** The agent's action that proves it. */
  readonly proof: string;
}

/** The description of an agent: everything that a client or another node needs to call it. */
export interface Ddl {
  readonly name: string;
  readonly description: string;
  readonly author: string;
  readonly license: string;
  readonly version: string;
  readonly url: string;
  /** Aliases that callers may use; resolved before authorization. */
  readonly aliases?: readonly string[];
  /** Not built in, but read from a file or sent by a node: its schemas are interpreted, never compiled. */
  readonly origin?: 'outside';
  readonly actions: Readonly<Record<string, ActionDdl>>;
}

/** Keeps the literal types, from which the types of a handler's input and output are derived. */
export function defineDdl<const D extends Ddl>(ddl: D): D {
  return ddl;
}

/** The action of that name, own keys only: `constructor` is not an action. */
export function actionOf(ddl: Ddl, action: string): ActionDdl | undefined {
  return Object.hasOwn(ddl.actions, action) ? ddl.actions[action] : undefined;
}

function propertiesOf(schema: ObjectSchema): Readonly<Record<string, AnnotatedSchema>> {
  return (schema as { properties?: Record<string, AnnotatedSchema> }).properties ?? {};
}

/** The names of an action's inputs. */
export function inputNames(action: ActionDdl): string[] {
  return Object.keys(propertiesOf(action.input));
}

/** The schema of one input, or undefined. */
export function inputSchema(action: ActionDdl, name: string): AnnotatedSchema | undefined {
  const properties = propertiesOf(action.input);
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The inputs whose values are never logged, stored or shown. */
export function sensitiveInputs(action: ActionDdl): string[] {
  return Object.entries(propertiesOf(action.input))
    .filter(([, schema]) => typeof schema === 'object' && 'x-sensitive' in schema && schema['x-sensitive'] === true)
    .map(([name]) => name);
}

/** The input that names an application; undefined when none does. */
export function applicationInput(action: ActionDdl): string | undefined {
  const properties = Object.entries(propertiesOf(action.input));
  return properties.find(([, schema]) => typeof schema === 'object' && schema['x-application'] === true)?.[0];
}

/** The outputs whose values are never logged, stored or shown. */
export function sensitiveOutputs(action: ActionDdl): string[] {
  return sensitiveInputs({ ...action, input: action.output });
}

/** The names of agents, and their aliases. */
export function namesOf(ddls: readonly Ddl[]): string[] {
  return ddls.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
}
