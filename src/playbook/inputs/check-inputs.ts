import { compilePattern } from '../../core/filter/pattern.ts';
import type { InputSource } from '../source/schema.ts';
import { checkInput } from './inputs.ts';
import { locationOf, type SourceText } from '../source/locations.ts';

/** @throws Problem `bad-playbook` for an invalid pattern, or a default that its own input would refuse */
export function checkInputs(inputs: Readonly<Record<string, InputSource>>, text: SourceText): void {
  for (const [name, input] of Object.entries(inputs)) {
    const at = (key: string) => locationOf(text, ['inputs', name, key]);
    at('pattern').check(() => {
      if (input.pattern !== undefined) compilePattern(input.pattern);
    });
    at('default').check(() => {
      if (input.default !== undefined && input.default !== null) checkInput(name, input, input.default);
    });
  }
}
