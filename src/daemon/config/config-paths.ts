import type { AgentEntry } from '../../core/agent.ts';
import { parseNodeConfig } from './config.ts';

/**
 * The paths in a node’s configuration, made absolute, and the port that it listens on. @throws Problem
 * `bad-configuration`
 */
export function describePaths(text: string, file: string, agents: readonly AgentEntry[]) {
  const { listen, tls, facts, classes, policies, state, audit } = parseNodeConfig(text, file, agents);
  const { port } = listen;
  return { ...tls, port, facts: facts.directory, classes, policies, state, auditFile: audit.file };
}
