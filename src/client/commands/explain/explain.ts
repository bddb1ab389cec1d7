import { Problem } from '../../../core/errors.ts';
import { findProblem, problemCodes } from '../../../core/problems/index.ts';
import { nearest } from '../../../core/text.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';

/** Prints the meaning of a problem code and the next step. @throws Problem `usage` for an unknown code */
export function explainCode(
  code: string | undefined,
  { json }: { readonly json?: boolean },
  { out }: CliContext,
): number {
  const codes = problemCodes().sort();
  if (code === undefined) {
    if (json === true) out(JSON.stringify(codes, null, 2));
    else for (const one of codes) out(one);
    return exitCode.ok;
  }
  const entry = findProblem(code.trim().toLowerCase());
  if (entry === undefined) {
    const what = `“${code.slice(0, 80)}” is not a problem code of this version`;
    const near = nearest(code, codes);
    throw new Problem('usage', what, near === undefined ? '“mco-deploy explain” lists all' : `did you mean “${near}”?`);
  }
  if (json === true) out(JSON.stringify({ code, ...entry }, null, 2));
  else for (const line of [code, `  ${entry.meaning}`, `  What to do: ${entry.fix}`]) out(line);
  return exitCode.ok;
}
