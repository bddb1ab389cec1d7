/** What `import … from 'mco-deploy'` gives. With the command line, this is the composition root. */
import { agents } from './agents/index.ts';
import { Problem as OwnProblem } from './core/errors.ts';
import type { ConnectOptions, Fleet, ProblemFields } from './library/api.ts';
import { connectWith } from './library/connect.ts';

export type * from './library/agents.ts';
export type * from './library/api.ts';

/** The one type of error of this library. */
export interface Problem extends ProblemFields {}
export const Problem: abstract new (...parts: never) => Problem = OwnProblem;

/**
 * Connects this program to its fleet, as the operator whose certificate client.yaml names. No node is asked yet.
 * @throws Problem `not-configured`, `bad-configuration`, `expired-certificate`, …
 */
export function connect(options: ConnectOptions = {}): Promise<Fleet> {
  return connectWith(
    agents.map(({ ddl }) => ddl),
    options,
  );
}
