/** Every schema that is built into the program: what the build compiles to validators. */

/** A schema and the id it goes by wherever it is checked (`validatorOf`). */
export interface BuiltInSchema {
  readonly id: string;
  readonly schema: object;
}

export const schemas: readonly BuiltInSchema[] = [];
