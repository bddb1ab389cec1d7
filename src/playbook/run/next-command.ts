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
  /** What its operator must do first, as the end of “after …”. */
  readonly first?: string | undefined;
  /** The codes of its failures. */
  readonly codes?: readonly string[];
}

/** Failures of an input: the same command fails again, and this one shows what it may be. */
const lists: Readonly<Record<string, string>> = {
  'unknown-application': 'to list the applications of each node: mco-deploy rpc appmgr status',
  'unknown-backend': 'to list the backends: mco-deploy rpc haproxy list',
};

/**
 * The last line of a run that failed or was interrupted. A run that has changed nothing starts again: a resume would
 * keep the inputs and nodes that it failed with.
 */
export function nextCommand({ runId }: Pick<RunReport, 'runId'>, run: NextCommand): string {
  const { changed, command, foundNone, final, failed, first, codes = [] } = run;
  const after = first === undefined ? '' : `, after ${first}`;
  if (final === true && command !== undefined) return `to start again, in a new run${after}: ${command}`;
  if (changed) return `to continue${after}: mco-deploy resume ${runId}`;
  if (failed !== undefined) return failed;
  if (foundNone === true) return 'to list the nodes: mco-deploy find -v';
  const list = codes.map((code) => lists[code]).find((line) => line !== undefined);
  if (list !== undefined) return list;
  return command === undefined ? `to try again${after}: type the same command` : `to try again${after}: ${command}`;
}
