import { validatorOf } from '#validators';
import type { ActionDdl, Ddl, ObjectSchema } from './ddl.ts';
import { interpretSchema } from './interpret/schema.ts';
import type { Validate } from './schema.ts';

const interpreted = new WeakMap<ObjectSchema, Validate>();

/**
 * The validator for the input of an action: compiled at build time where the DDL is built in, interpreted where it came
 * from outside.
 * @returns a function that fills defaults into the value it checks
 * @throws Problem `bad-schema`, `bad-pattern` when a schema from outside cannot be interpreted
 */
export function inputValidatorOf(ddl: Pick<Ddl, 'name' | 'origin'>, action: string, { input }: ActionDdl): Validate {
  if (ddl.origin !== 'outside') return validatorOf(`agent/${ddl.name}/${action}/input`, input);
  const known = interpreted.get(input) ?? interpretSchema(input);
  interpreted.set(input, known);
  return known;
}
