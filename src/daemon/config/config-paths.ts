import type { AgentEntry } from '../../core/agent.ts';
import { parseNodeConfig } from './config.ts';

/** What a node’s configuration says of where things are: absolute paths, and the port that it listens on. @throws Problem `bad-configuration` */
export function describePaths(text: string, file: string, agents: readonly AgentEntry[]) {
  const { listen, tls, facts, classes, policies, state, audit } = parseNodeConfig(text, file, agents);
  const { port } = listen;
  return { ...tls, port, facts: facts.directory, classes, policies, state, auditFile: audit.file };
}
