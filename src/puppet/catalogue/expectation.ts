/** A call's expectation of each reply, in the form of playbooks' steps. */
import type { JsonObject } from '../../core/json.ts';
import { fromCel } from '../../playbook/expressions/cel-values.ts';
import type { CelContext, Expression } from '../../playbook/expressions/expression.ts';
import type { Template } from '../../playbook/expressions/template.ts';

export interface Expectation {
  readonly until: Expression | undefined;
  readonly message: Template | undefined;
}

/** @param expected outputs and their values; none: any ok reply is enough */
export function expectOf(expected: JsonObject, subject: string): Expectation {
  const fields = Object.entries(expected);
  if (fields.length === 0) return { until: undefined, message: undefined };
  const source = fields.map(([name, value]) => `${name} is ${show(value)}`).join(' and ');
  return {
    until: {
      source,
      evaluate: (context) => fields.every(([name, value]) => show(dataIn(context)[name]) === show(value)),
    },
    message: (context) => describe(dataIn(context), fields, subject),
  };
}

/** Of a check, its result; of others, the actual and the expected value. */
function describe(data: JsonObject, fields: readonly (readonly [string, unknown])[], subject: string): string {
  if (typeof data.state === 'string' && typeof data.output === 'string')
    return `${subject} is ${data.state}, ${data.output}`;
  const wrong = fields.filter(([name, value]) => show(data[name]) !== show(value));
  return wrong.map(([name, value]) => `${name} is ${show(data[name])}, and ${show(value)} is expected`).join('; ');
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'missing');
}

function dataIn({ reply }: CelContext): JsonObject {
  const { data = {} } = fromCel(reply) as { data?: JsonObject };
  return data;
}

/** True where one of the steps ran. */
export function refreshedBy(ids: readonly string[]): Expression {
  const ran = (context: CelContext, id: string) =>
    (fromCel(context.steps) as Record<string, { ran?: boolean }>)[id]?.ran;
  return { source: 'refreshed', evaluate: (context) => ids.some((id) => ran(context, id) === true) };
}
