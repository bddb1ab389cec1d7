import type { RunReport } from '../events/events.ts';

/** What a run knows about how to continue it. */
export interface NextCommand {
  /** Whether the run changed anything, now or before it was resumed. */
  readonly changed: boolean;
  /** The typed command, if known. */
  readonly command: string | undefined;
  /** Whether it found none of the nodes that it looked for: the same command finds none either. */
  readonly foundNone?: boolean;
  /** Whether it failed by an action that may not be repeated: resumed, it fails again. */
  readonly final?: boolean;
  /** What the step that failed says itself. */
  readonly failed?: string | undefined;
}

/**
 * The last line of a run that failed or was interrupted. A run that has changed nothing starts again: a resume would
 * keep the inputs and nodes that it failed with.
 */
export function nextCommand({ runId }: Pick<RunReport, 'runId'>, run: NextCommand): string {
  const { changed, command, foundNone, final, failed } = run;
  if (final === true && command !== undefined) return `to start again, in a new run: ${command}`;
  if (changed) return `to continue: mco-deploy resume ${runId}`;
  if (failed !== undefined) return failed;
  if (foundNone === true) return 'to list the nodes: mco-deploy find -v';
  return command === undefined ? 'to try again: type the same command' : `to try again: ${command}`;
}
