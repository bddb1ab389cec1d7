import { suggest } from '../../core/text.ts';
import { checkInput, isRequired } from '../inputs/inputs.ts';
import type { Playbook } from '../model.ts';
import { isLiteral } from '../expressions/template.ts';
import { lookAhead, runUsed } from '../run/nested.ts';
import type { RunContext } from '../context.ts';
import type { StepCompiler, StepKind } from './kind.ts';

/** Runs another playbook as a step, with its own inputs, node sets, steps and values. */
export const useStep: StepKind = {
  key: 'use',
  keys: ['with'],
  compile(compiler) {
    const { source, template, used } = compiler;
    const playbook = used(source.use ?? '');
    checkInputs(compiler, playbook);
    const values = template('with', source.with ?? {});
    const inputsOf = (run: RunContext) => values(run.context()) as Record<string, unknown>;
    return {
      title: `use ${playbook.name}`,
      used: playbook,
      ...(waits(source.with)
        ? {}
        : { lookAhead: (run: RunContext, prefix: string) => lookAhead(playbook, inputsOf(run), run, prefix) }),
      run: (run, step) => runUsed(playbook, inputsOf(run), run, step),
    };
  },
};

/** Whether the value may only be known in the run, from steps or discovery. */
function waits(values: unknown): boolean {
  return !isLiteral(values) && /\b(steps|nodes|values|batch|item|round|failure)\b/.test(JSON.stringify(values));
}

function checkInputs({ source, at, atKey }: StepCompiler, { name, inputs }: Playbook): void {
  const values = source.with ?? {};
  for (const [key, value] of Object.entries(values)) {
    const input = Object.hasOwn(inputs, key) ? inputs[key] : undefined;
    if (input === undefined) {
      atKey('with', key).fail(`${name} has no input “${key}”: ${suggest(key, Object.keys(inputs))}`);
    } else if (isLiteral(value) && value !== null) at('with', key).check(() => checkInput(key, input, value));
  }
  const missing = Object.entries(inputs).find(
    ([key, input]) => isRequired(input) && input.from === undefined && (values[key] ?? null) === null,
  );
  if (missing !== undefined) at('use').fail(`${name} needs the input “${missing[0]}”: give it under “with”`);
}
