import { Problem } from '../../core/errors.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import { parseNodesText } from '../file/text.ts';
import { parseEntries } from '../listed.ts';
import { resultEntries } from './results.ts';

const largest = 16 * 1024 * 1024;

/** Nodes from standard input: as in a file, or the JSON that an earlier command wrote with `--json`. */
export function stdinSource(input: AsyncIterable<string | Uint8Array>): DiscoverySource {
  return {
    name: 'stdin',
    async *discover(): AsyncGenerator<Candidate> {
      const text = await readAll(input);
      const results = resultEntries(text);
      yield* results === undefined ? parseNodesText(text, 'stdin', 'stdin') : parseEntries(results, 'stdin');
    },
  };
}

async function readAll(input: AsyncIterable<string | Uint8Array>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as string);
    size += bytes.length;
    if (size > largest) throw new Problem('bad-nodes', `stdin: more than ${largest} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
