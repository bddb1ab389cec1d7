import { Problem } from '../../src/core/errors.ts';
import type { ProblemCode } from '../../src/core/problems/index.ts';

/** A Problem with a code of a test's own, as an agent of another version may send one. */
export function testProblem(code: string, message: string, hint = ''): Problem {
  return new Problem(code as ProblemCode, message, hint);
}
