/** The names that expressions may use, as far as they are known before a run. */
import { isObject } from '../../core/json.ts';

/** A value with its known fields or items, at most; `{}` may be anything. */
export interface Shape {
  /** Its only fields. */
  readonly fields?: Readonly<Record<string, Shape>>;
  /** The shape of its items. */
  readonly item?: Shape;
  /** The message for an unknown field, if there is a better one than “unknown”. */
  readonly absent?: (field: string) => string | undefined;
}

const anything: Shape = {};

export function record(fields: Readonly<Record<string, Shape>>, absent?: Shape['absent']): Shape {
  return absent === undefined ? { fields } : { fields, absent };
}

/** The names, with unknown values. */
export function names(list: Iterable<string>): Shape {
  return { fields: Object.fromEntries([...list].map((name) => [name, anything])) };
}

/** The shape of a JSON Schema: enough to find a typo in a name. */
function shapeOfSchema(schema: unknown, depth = 0): Shape {
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

/** A reply of a node, with its data by the action's output schema. */
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

/** The shape of a step for later steps. */
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
