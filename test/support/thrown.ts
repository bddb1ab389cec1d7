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
