import assert from 'node:assert/strict';
import { Problem } from '../../src/core/errors.ts';

/** The Problem that `act` throws; anything else, or nothing, fails the test. */
export function thrownBy(act: () => unknown): Problem {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Problem, `threw ${String(error)} instead of a Problem`);
    return error;
  }
  assert.fail('nothing was thrown');
}

/** The Problem with which something ends; anything else, or none, fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Problem, `ended with ${String(error)} instead of a Problem`);
    return error;
  }
  assert.fail('nothing was thrown');
}

/** The code of the Problem that `act` throws. */
export function codeOf(act: () => unknown): string {
  return thrownBy(act).code;
}

/** The same, of what rejects. */
export async function codeOfAsync(act: () => Promise<unknown>): Promise<string> {
  const problem = await act().then(
    () => assert.fail('nothing was thrown'),
    (error: unknown) => error,
  );
  assert.ok(problem instanceof Problem, `threw ${String(problem)} instead of a Problem`);
  return problem.code;
}

/** For `rejects` and `throws`: a Problem of that code, with such a message and hint. */
export function isProblem(code: string, message = /./, hint = /^/) {
  return (problem: unknown) => {
    assert.ok(problem instanceof Problem, String(problem));
    assert.equal(problem.code, code, problem.message);
    assert.match(problem.message, message);
    assert.match(problem.hint, hint);
    return true;
  };
}
