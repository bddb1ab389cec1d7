/** What is known before a run of the names that expressions may use. */
import { isObject } from '../../core/json.ts';

/** A value of which at most its fields or its items are known; `{}` may be anything. */
export interface Shape {
  /** The only fields it has. */
  readonly fields?: Readonly<Record<string, Shape>>;
  /** What each of its items is like. */
  readonly item?: Shape;
  /** What to say of a field that is not among them, where that is known better than “unknown”. */
  readonly absent?: (field: string) => string | undefined;
}

const anything: Shape = {};

export function record(fields: Readonly<Record<string, Shape>>, absent?: Shape['absent']): Shape {
  return absent === undefined ? { fields } : { fields, absent };
}

/** The names, nothing being known of their values. */
export function names(list: Iterable<string>): Shape {
  return { fields: Object.fromEntries([...list].map((name) => [name, anything])) };
}

/** The shape of what fits a JSON Schema: as far as a typo in a name can be found by it. */
export function shapeOfSchema(schema: unknown, depth = 0): Shape {
  if (!isObject(schema) || depth > 8) return anything;
  if (schema.type === 'array') return { item: shapeOfSchema(schema.items, depth + 1) };
  const open = isObject(schema.additionalProperties) || schema.additionalProperties === true;
  if (schema.type !== 'object' || !isObject(schema.properties) || open) return anything;
  return {
    fields: Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, shapeOfSchema(property, depth + 1)]),
    ),
  };
}

/** A reply of a node, its data being as the action's output schema says. */
export function shapeOfReply(output: unknown): Shape {
  return record({
    node: anything,
    ok: anything,
    outcome: anything,
    code: anything,
    message: anything,
    data: shapeOfSchema(output),
  });
}

/** What later steps see of a step. */
export function shapeOfStep(reply: Shape | undefined): Shape {
  return record({ ok: anything, ran: anything, replies: reply === undefined ? anything : { item: reply } });
}

export const shapeOfNodeSet: Shape = record({
  names: anything,
  size: anything,
  members: { item: record({ name: anything, agents: anything, classes: anything, facts: anything }) },
});

export const shapeOfRun: Shape = names(['id', 'operator', 'time', 'dry_run', 'playbook', 'label']);

export const shapeOfFailure: Shape = record({
  step: anything,
  reasons: { item: names(['node', 'code', 'reason']) },
  notice: anything,
});
