import { Problem } from '../../core/errors.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import { readNodes } from '../file/read-nodes.ts';
import { parseEntries } from '../listed.ts';
import { resultEntries } from './results.ts';

/**
 * Nodes from standard input: as in a file, or the JSON that an earlier command wrote with `--json`. An empty list does
 * not mean “all nodes”: it ends the command.
 * @param list the content of standard input
 */
export function stdinSource(list: () => Promise<string>): DiscoverySource {
  return {
    name: 'stdin',
    async *discover(): AsyncGenerator<Candidate> {
      const text = await list();
      const results = resultEntries(text);
      const candidates =
        results === undefined ? await readNodes(text, 'stdin', 'stdin') : parseEntries(results, 'stdin');
      if (candidates.length > 0) yield* candidates;
      else throw noNodes(text);
    },
  };
}

function noNodes(text: string): Problem {
  const what = text.trim() === '' ? 'standard input is empty' : 'the list on standard input names no node';
  const hint = 'to address nodes by filters alone, start the command with </dev/null';
  return new Problem('no-nodes-given', `${what}: no node was called`, hint);
}
