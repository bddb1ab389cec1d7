import { suggest } from '../../core/text.ts';
import { checkInput, isRequired } from '../inputs.ts';
import type { Playbook } from '../playbook.ts';
import { isLiteral } from '../template.ts';
import { runUsed } from '../used.ts';
import type { StepCompiler, StepKind } from './kind.ts';

/** Runs another playbook as a step, with inputs, node sets, steps and values of its own. */
export const useStep: StepKind = {
  key: 'use',
  keys: ['with'],
  compile(compiler) {
    const { source, template, used } = compiler;
    const playbook = used(source.use ?? '');
    checkInputs(compiler, playbook);
    const given = template('with', source.with ?? {});
    return {
      title: `use ${playbook.name}`,
      used: playbook,
      run: (world, step) => runUsed(playbook, given(world.context()) as Record<string, unknown>, world, step),
    };
  },
};

function checkInputs({ source, at, atKey }: StepCompiler, { name, inputs }: Playbook): void {
  const given = source.with ?? {};
  for (const [key, value] of Object.entries(given)) {
    const input = Object.hasOwn(inputs, key) ? inputs[key] : undefined;
    if (input === undefined) {
      atKey('with', key).fail(`${name} has no input “${key}”: ${suggest(key, Object.keys(inputs))}`);
    } else if (isLiteral(value) && value !== null) at('with', key).check(() => checkInput(key, input, value));
  }
  const missing = Object.entries(inputs).find(
    ([key, input]) => isRequired(input) && input.from === undefined && (given[key] ?? null) === null,
  );
  if (missing !== undefined) at('use').fail(`${name} needs the input “${missing[0]}”: give it under “with”`);
}
