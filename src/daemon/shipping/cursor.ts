import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChainState, chainStart } from '../../core/audit/record.ts';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { makeDirectories, replaceFile } from '../../core/files/durable.ts';
import { isObject } from '../../core/json.ts';

/** The position of a receiver in the log; it outlives the daemon. */
export interface Cursor {
  readonly at: () => ChainState;
  /** Resolves when it is on the disk. */
  readonly move: (to: ChainState) => Promise<void>;
}

/** @param state the daemon's state directory @param receiver its name in node.yaml */
function cursorFile(state: string, receiver: string): string {
  return join(state, 'audit-ship', `${receiver}.json`);
}

/** A cursor that cannot be read starts over: records are sent twice rather than not at all. */
export async function openCursor(state: string, receiver: string): Promise<Cursor> {
  let current = await readCursor(state, receiver);
  return {
    at: () => current,
    move: async (to) => {
      // Back, at once: the log may delete nothing of what is sent again.
      if (to.sequence < current.sequence) current = to;
      const file = cursorFile(state, receiver);
      try {
        await makeDirectories(join(state, 'audit-ship'), 0o700);
        await replaceFile(file, `${JSON.stringify(to)}\n`);
      } catch (cause) {
        const what = `how far it was sent cannot be written to ${file}: ${explainErrno(cause)}`;
        throw new Problem('unwritable-state', what, '', { cause });
      }
      // Forward, only now: the log may delete what was received, and a restart continues here.
      current = to;
    },
  };
}

/** @throws the error of the operating system if the file exists and cannot be opened */
export async function readCursor(state: string, receiver: string): Promise<ChainState> {
  let text: string;
  try {
    text = await readFile(cursorFile(state, receiver), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return chainStart;
    throw error;
  }
  return parse(text) ?? chainStart;
}

function parse(text: string): ChainState | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const { sequence, hash } = value;
    if (!Number.isSafeInteger(sequence) || typeof hash !== 'string') return undefined;
    return { sequence: sequence as number, hash };
  } catch {
    return undefined;
  }
}
