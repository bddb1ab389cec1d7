import { declarationFunctions } from './declarations.ts';
import { fleetFunctions } from './fleet.ts';
import type { ScriptFunction } from './kind.ts';
import { kindFunctions } from './kinds.ts';
import { listFunctions } from './lists.ts';
import { speechFunctions } from './speech.ts';
import { stringFunctions } from './strings.ts';

/** Every function that a script may call. */
export const scriptFunctions: Readonly<Record<string, ScriptFunction>> = {
  ...declarationFunctions,
  ...fleetFunctions,
  ...kindFunctions,
  ...listFunctions,
  ...speechFunctions,
  ...stringFunctions,
};

/** Functions of Puppet that read files, run programs or store data elsewhere. */
export const foreignFunctions: Readonly<Record<string, string>> = {
  create_resources: 'a list as a title declares one resource for each member',
  epp: 'write the text into the script',
  file: 'give it as an input',
  generate: 'make it an agent’s action',
  hiera: 'give it as an input',
  hiera_array: 'give it as an input',
  hiera_hash: 'give it as an input',
  inline_epp: 'write a string in double quotes, with variables in it',
  inline_template: 'write a string in double quotes, with variables in it',
  lookup: 'give it as an input',
  template: 'write a string in double quotes, with variables in it',
};
