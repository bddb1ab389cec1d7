import type { ServiceError, StatusObject } from '@grpc/grpc-js';
import { Problem, TurnedAway } from '../core/errors.ts';
import { fileProblem } from '../core/files/file-problem.ts';
import type { ProblemCode } from '../core/problems/index.ts';
import { Metadata, status } from './grpc-server.ts';

const codeKey = 'mco-code';
const hintKey = 'mco-hint-bin';

const grpcCodes: Readonly<Record<string, status>> = {
  'malformed-message': status.INVALID_ARGUMENT,
  'malformed-json': status.INVALID_ARGUMENT,
  'bad-filter': status.INVALID_ARGUMENT,
  'bad-pattern': status.INVALID_ARGUMENT,
  'unknown-service': status.NOT_FOUND,
  'not-serving': status.UNAVAILABLE,
  'foreign-certificate': status.UNAUTHENTICATED,
  'expired-certificate': status.UNAUTHENTICATED,
  'early-certificate': status.UNAUTHENTICATED,
  'revoked-certificate': status.UNAUTHENTICATED,
  'bad-certificate': status.UNAUTHENTICATED,
  'wrong-kind': status.PERMISSION_DENIED,
  'wrong-caller': status.PERMISSION_DENIED,
  busy: status.RESOURCE_EXHAUSTED,
  'rate-limited': status.RESOURCE_EXHAUSTED,
};

/** A Problem as a gRPC status; its code and hint are sent as metadata. Anything else is reported without detail. */
export function statusOf(thrown: unknown): Partial<StatusObject> {
  const error = fileProblem(thrown) ?? thrown;
  if (!(error instanceof Problem)) return { code: status.INTERNAL, details: 'internal error: see the log of the node' };
  const metadata = new Metadata();
  metadata.set(codeKey, error.code);
  if (error.hint !== '') metadata.set(hintKey, Buffer.from(error.hint));
  return { code: grpcCodes[error.code] ?? status.FAILED_PRECONDITION, details: error.message, metadata };
}

/** Statuses with which a node refuses callers. */
const atTheDoor = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.RESOURCE_EXHAUSTED]);

/** The Problem behind a gRPC error. */
export function problemOf(error: ServiceError, node: string): Problem {
  const [code] = error.metadata.get(codeKey);
  const [hint] = error.metadata.get(hintKey);
  if (typeof code === 'string') {
    const Kind = atTheDoor.has(error.code) ? TurnedAway : Problem;
    // A newer node may send a code that this version does not know: it is passed on unchanged.
    return new Kind(code as ProblemCode, error.details, hint === undefined ? '' : hint.toString('utf8'), {
      cause: error,
    });
  }
  switch (error.code) {
    case status.CANCELLED:
      return new Problem('cancelled', `the call to ${node} was cancelled`, '', { cause: error });
    case status.DEADLINE_EXCEEDED:
      return new Problem('no-response', `${node} did not answer in time`, '', { cause: error });
    case status.UNAVAILABLE:
      return new Problem('no-response', `the connection to ${node} was lost`, '', { cause: error });
    case status.UNIMPLEMENTED:
      return new Problem(
        'protocol-error',
        `${node} does not offer this: its version or its configuration lacks it`,
        '',
        {
          cause: error,
        },
      );
    case status.RESOURCE_EXHAUSTED:
      return new Problem('too-large', `${node} refused the message: ${error.details}`, '', { cause: error });
    default:
      return new Problem('protocol-error', `${node} answered: ${error.details}`, '', { cause: error });
  }
}
