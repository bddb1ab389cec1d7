import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { AgentEntry } from '../../core/agent.ts';
import { explain, Problem } from '../../core/errors.ts';
import { fileProblem } from '../../core/files/file-problem.ts';
import { awaitConfirmation, revertIfDue, runEffect } from './revert.ts';
import { type Handled, handleRequest } from './handle.ts';
import { withHelperLock } from './lock.ts';
import { decodeMessage, encodeReply, largestMessage } from '../../core/node-files/message.ts';

export interface HelperStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** For the administrator's log: never a content. */
  readonly log: (line: string) => void;
}

/**
 * One run of the helper: one message in, one reply out. After a change it stays until the change is confirmed, or
 * restores the earlier state.
 */
export async function serveHelper(
  directory: string,
  agents: readonly AgentEntry[],
  streams: HelperStreams,
): Promise<void> {
  const { output, log } = streams;
  let handled: Handled;
  try {
    handled = await answer(await readLine(streams.input), directory, agents);
  } catch (error) {
    const known = error instanceof Problem ? error : fileProblem(error);
    const problem = known ?? new Problem('internal', explain(error), 'see the log of the helper');
    log(`refused: ${problem.code}: ${problem.message}`);
    await reply(output, encodeReply({ problem }));
    return;
  }
  await reply(output, encodeReply({ ok: handled.reply }));
  const { waiting } = handled;
  if (waiting === undefined) return;
  log(`the change ${waiting.change} waits to be confirmed`);
  // The daemon reloads by itself: it replies when the new files are in force.
  if (waiting.effect === 'restart') {
    await runEffect('restart', waiting.settings).catch((error: unknown) =>
      log(`the restart failed: ${explain(error)}`),
    );
  }
  await awaitConfirmation(directory, waiting.change, (error) =>
    log(`whether the change is confirmed cannot be seen, and is checked again: ${explain(error)}`),
  );
}

async function answer(line: string, directory: string, agents: readonly AgentEntry[]): Promise<Handled> {
  const message = decodeMessage(line);
  if (message.type === 'return') return { reply: { returned: await revertIfDue(directory, true) } };
  return await withHelperLock(directory, () => handleRequest(message, directory, agents));
}

async function readLine(input: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > largestMessage) throw new Problem('too-large', `the message has more than ${largestMessage} bytes`);
    chunks.push(bytes);
    if (bytes.includes(10)) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The daemon may be gone by now: the result stands regardless. */
async function reply(output: Writable, text: string): Promise<void> {
  output.on('error', () => {});
  output.end(text);
  await finished(output).catch(() => {});
}
