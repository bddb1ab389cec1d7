import type { ProblemCode } from '../../../core/problems/index.ts';
import { exitCode } from '../context.ts';

/** Problems that end a command, by exit code. All others end it with `usage`: another command line or configuration helps. */
export const problemExitCodes = {
  /** Nothing was there to call. */
  [exitCode.nothingDiscovered]: ['empty-source', 'no-nodes-given', 'no-such-service', 'nothing-found'],
  /** What the command needs does not answer: the same command may succeed later. */
  [exitCode.unavailable]: [
    'handshake-failed',
    'journal-incomplete',
    'no-answer',
    'no-helper',
    'no-multicast',
    'no-relay',
    'no-response',
    'not-serving',
    'source-failed',
    'ssh-failed',
    'unknown-target',
    'unreachable',
    'unreachable-dns',
  ],
  /** Another command is in the way: the same command succeeds when that has ended. */
  [exitCode.tryLater]: [
    'busy',
    'ca-busy',
    'changed-meanwhile',
    'lease-held',
    'rate-limited',
    'run-in-progress',
    'too-many-jobs',
  ],
  /** This host: another command line would not help, unless it names another path. */
  [exitCode.hostFailed]: ['journal-failed', 'unwritable-cache', 'unwritable-file'],
  [exitCode.allRefused]: ['policy-denied'],
  [exitCode.interrupted]: ['cancelled', 'not-agreed', 'not-confirmed'],
} as const satisfies Readonly<Record<number, readonly ProblemCode[]>>;

const byProblem: ReadonlyMap<string, number> = new Map(
  Object.entries<readonly ProblemCode[]>(problemExitCodes).flatMap(([exit, problems]) =>
    problems.map((problem) => [problem, Number(exit)] as const),
  ),
);

/** The exit code of a command that ends with a problem of this code. */
export function exitForProblem(code: string): number {
  return byProblem.get(code) ?? exitCode.usage;
}
