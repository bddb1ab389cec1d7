import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import { printableLine } from '../../core/text.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { type ClaimedNode, candidatesOf } from '../claims.ts';
import { inClientYaml } from '../sections/place.ts';
import type { ExecSourceConfig } from './config.ts';
import { runProgram } from './run-program.ts';

/** Of the exchange with the program: its request has it, and its reply may. */
const protocol = 1;

/**
 * Nodes from a custom program. Its standard input is one line of JSON, `{"protocol": 1, "filter": {identities, classes,
 * agents, facts, …}, "timeout": SECONDS}`; it writes `{"nodes": [{"name": "web1.example.net", "address": "10.0.0.1",
 * "port": 5810, "facts": {"cluster": "bravo"}}]}` to its standard output and exits with 0. It may ignore the filter:
 * each node evaluates it itself.
 */
export function execSource({ command, timeout }: ExecSourceConfig, place = inClientYaml): DiscoverySource {
  const [program = ''] = command;
  return {
    name: 'exec',
    async *discover(filter: FilterTerms, signal: AbortSignal): AsyncGenerator<Candidate> {
      const request = `${JSON.stringify({ protocol, filter, timeout })}\n`;
      const reply = await runProgram(command, request, timeout * 1000, place, signal);
      yield* candidatesOf(parseReply(reply, program), 'exec', `the discovery program ${program}`, filter, place);
    },
  };
}

function parseReply(text: string, program: string): ClaimedNode[] {
  const bad = (what: string) =>
    new Problem(
      'bad-nodes',
      `the discovery program ${program}: ${what}`,
      'docs/discovery-sources.md describes what it must print',
    );
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    throw bad(`its output is not JSON (it begins “${printableLine(text.trim()).slice(0, 60)}”)`);
  }
  if (!isObject(reply) || !Array.isArray(reply.nodes)) throw bad('its output has no list “nodes”');
  return reply.nodes.map((node: unknown, index) => {
    if (!isObject(node) || (node.facts !== undefined && !isObject(node.facts))) {
      throw bad(`node ${index + 1} is not an object with a name, an address and facts`);
    }
    return node as unknown as ClaimedNode & { facts?: JsonObject };
  });
}
