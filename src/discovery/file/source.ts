import { explainErrno, Problem } from '../../core/errors.ts';
import { decodeText } from '../../core/files/decode.ts';
import { readInput } from '../../core/files/read-input.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import { readNodes } from './read-nodes.ts';

/**
 * Nodes from a file: one name a line, or YAML or JSON. For networks without multicast.
 * @param setting how its path is given, for hints
 */
export function fileSource(file: string, setting = '--nodes'): DiscoverySource {
  return {
    name: 'file',
    async *discover(_filter, signal): AsyncGenerator<Candidate> {
      let text: string;
      try {
        text = decodeText(await readInput(file, undefined, signal));
      } catch (cause) {
        if (signal.aborted) return;
        const message = `the list of nodes ${file} cannot be read: ${explainErrno(cause)}`;
        throw new Problem('unreadable-file', message, `name another file with ${setting}`, { cause });
      }
      yield* await readNodes(text, file, 'file');
    },
  };
}
