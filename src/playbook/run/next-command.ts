import type { RunReport } from '../events/events.ts';

/** What a run knows of how to continue it. */
export interface NextCommand {
  /** Whether the run changed anything, now or before it was resumed. */
  readonly changed: boolean;
  /** The command that was typed, where it is known. */
  readonly command: string | undefined;
}

/**
 * The last line of a run that failed or was interrupted. A run that has changed nothing begins again: to resume it
 * would keep the inputs and nodes that it failed with.
 */
export function nextCommand({ runId }: Pick<RunReport, 'runId'>, { changed, command }: NextCommand): string {
  if (changed) return `to continue: mco-deploy resume ${runId}`;
  return command === undefined ? 'to try again: type the same command' : `to try again: ${command}`;
}
