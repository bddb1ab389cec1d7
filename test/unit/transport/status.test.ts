import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceError } from '@grpc/grpc-js';
import { Problem, TurnedAway } from '../../../src/core/errors.ts';
import type { ProblemCode } from '../../../src/core/problems/index.ts';
import { Metadata, status } from '../../../src/transport/grpc-server.ts';
import { problemOf, statusOf } from '../../../src/transport/status.ts';

/** An error as gRPC makes it of a status. */
const error = (code: status, details: string, metadata = new Metadata()) =>
  Object.assign(new Error(details), { code, details, metadata }) as ServiceError;
/** Over the wire and back. */
const received = (problem: Problem) => {
  const { code = status.OK, details = '', metadata } = statusOf(problem);
  return problemOf(error(code, details, metadata), 'dev2');
};

describe('a problem of a node', () => {
  test('reaches its caller with its code, its message and its hint', () => {
    const { code, message, hint, cause } = received(new Problem('bad-filter', 'it is “bad”', 'type a “good” one'));
    assert.deepEqual([code, message, hint], ['bad-filter', 'it is “bad”', 'type a “good” one']);
    assert.equal((cause as ServiceError).code, status.INVALID_ARGUMENT);
    assert.equal(received(new Problem('bad-filter', 'x')).hint, '');
    assert.deepEqual(
      statusOf(new Problem('bad-filter', 'x')).metadata?.get('mco-hint-bin'),
      [],
      'no empty hint is sent',
    );
  });

  for (const [codes, expected] of [
    [['malformed-message', 'malformed-json', 'bad-filter', 'bad-pattern'], status.INVALID_ARGUMENT],
    [['unknown-service'], status.NOT_FOUND],
    [['not-serving'], status.UNAVAILABLE],
    [
      ['foreign-certificate', 'expired-certificate', 'early-certificate', 'revoked-certificate', 'bad-certificate'],
      status.UNAUTHENTICATED,
    ],
    [['wrong-kind', 'wrong-caller'], status.PERMISSION_DENIED],
    [['busy', 'rate-limited'], status.RESOURCE_EXHAUSTED],
    [['policy-denied', 'a-code-of-a-newer-node'], status.FAILED_PRECONDITION],
  ] as const)
    test(`has the status ${status[expected]}: ${codes.join(', ')}`, () => {
      for (const code of codes) {
        const problem = new Problem(code as ProblemCode, 'x');
        assert.equal(statusOf(problem).code, expected, code);
        const atTheDoor = [status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.RESOURCE_EXHAUSTED];
        assert.equal(received(problem) instanceof TurnedAway, atTheDoor.includes(expected), code);
        assert.equal(received(problem).code, code);
      }
    });
});

test('a method that a node does not have is named without the words of gRPC', () => {
  const text = 'The server does not implement the method /mco.v1.Node/Later';
  const { code, message } = problemOf(error(status.UNIMPLEMENTED, text), 'dev2');
  assert.deepEqual(
    [code, message],
    ['protocol-error', 'dev2 does not offer this: its version or its configuration lacks it'],
  );
});

test('any other error of a node reaches its caller without detail', () => {
  for (const thrown of [new Error('a secret path'), 'text', undefined]) {
    const given = statusOf(thrown);
    assert.deepEqual(given, { code: status.INTERNAL, details: 'internal error: see the log of the node' });
    assert.deepEqual([problemOf(error(given.code ?? 0, given.details ?? ''), 'dev2').code], ['protocol-error']);
  }
});

describe('an error of gRPC itself', () => {
  for (const [code, expected, message] of [
    [status.CANCELLED, 'cancelled', 'the call to dev2 was cancelled'],
    [status.DEADLINE_EXCEEDED, 'no-response', 'dev2 did not answer in time'],
    [status.UNAVAILABLE, 'no-response', 'the connection to dev2 was lost'],
    [status.RESOURCE_EXHAUSTED, 'too-large', 'dev2 refused the message: it says why'],
    [status.INTERNAL, 'protocol-error', 'dev2 answered: it says why'],
    [status.UNAUTHENTICATED, 'protocol-error', 'dev2 answered: it says why'],
  ] as const)
    test(`${status[code]} is the problem “${expected}”, and no refusal at the door`, () => {
      const cause = error(code, 'it says why');
      const problem = problemOf(cause, 'dev2');
      assert.deepEqual([problem.code, problem.message, problem.hint], [expected, message, '']);
      assert.deepEqual([problem.cause, problem instanceof TurnedAway], [cause, false]);
    });
});
