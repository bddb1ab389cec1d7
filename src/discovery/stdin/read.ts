import { Problem } from '../../core/errors.ts';
import { orAborted } from '../../core/waiting/or-aborted.ts';

const largest = 16 * 1024 * 1024;
/** Milliseconds without the end of the input after which a person is informed. */
const patience = 2000;

/**
 * Reads standard input to its end.
 * @param onWait called once when the end is long in coming
 * @throws Problem `bad-nodes` when it is too large; the signal's reason when aborted
 */
export async function readInputList(
  input: AsyncIterable<string | Uint8Array>,
  onWait: () => void,
  signal: AbortSignal,
): Promise<string> {
  const timer = setTimeout(onWait, patience);
  try {
    signal.throwIfAborted();
    return await orAborted(readAll(input), signal);
  } finally {
    clearTimeout(timer);
  }
}

async function readAll(input: AsyncIterable<string | Uint8Array>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as string);
    size += bytes.length;
    if (size > largest) {
      throw new Problem(
        'bad-nodes',
        `standard input has more than ${largest} bytes`,
        'give the list as a file: --nodes FILE',
      );
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
