import { homedir } from 'node:os';

/** The user's home; the root directory if it is unknown, as in an empty environment on a host without that user. */
export function homeOf(env: Readonly<NodeJS.ProcessEnv>): string {
  if (env.HOME !== undefined && env.HOME !== '') return env.HOME;
  try {
    return homedir();
  } catch {
    return '/';
  }
}
