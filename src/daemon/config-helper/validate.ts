import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import type { AgentEntry } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { explainYaml } from '../../core/files/yaml/yaml-fault.ts';
import type { NodeFile } from '../../core/node-files/list.ts';
import { parseGroups, parsePolicy } from '../../core/policy/parse.ts';
import { type NodeConfig, parseNodeConfig } from '../config/config.ts';

/**
 * Checks that a daemon would accept these files, all of a node’s, and that node.yaml keeps the parts that are never
 * changed over the fabric.
 * @param inForce the current configuration
 * @throws Problem `bad-configuration`, `bad-policy`, `not-over-fabric`
 */
export function validateFiles(
  files: readonly NodeFile[],
  directory: string,
  inForce: NodeConfig,
  agents: readonly AgentEntry[],
): void {
  for (const { kind, name, content } of files) {
    if (kind === 'settings') validateSettings(content, directory, inForce, agents);
    if (kind === 'facts') validateFacts(content, name);
    if (kind === 'checks') validateChecks(content, name);
  }
  validatePolicies(files);
}

/** Paths that decide what is trusted, run or read: only the installation sets them. */
const fixed: readonly (readonly [string, (config: NodeConfig) => unknown])[] = [
  ['tls', ({ tls }) => tls],
  ['policies', ({ policies }) => policies],
  ['classes', ({ classes }) => classes],
  ['facts.directory', ({ facts }) => facts.directory],
  ['facts.files', ({ facts }) => facts.files],
  ['external', ({ external }) => external],
  ['state', ({ state }) => state],
  ['audit.file', ({ audit }) => audit.file],
  ['agents.config', ({ agents }) => agents.config],
];

function validateSettings(text: string, directory: string, inForce: NodeConfig, agents: readonly AgentEntry[]): void {
  const config = parseNodeConfig(text, join(directory, 'node.yaml'), agents);
  const changed = fixed.find(([, keyOf]) => JSON.stringify(keyOf(config)) !== JSON.stringify(keyOf(inForce)));
  if (changed === undefined) return;
  throw new Problem('not-over-fabric', `node.yaml would change “${changed[0]}”`, 'apply it over ssh: --ssh');
}

/** Whether the directories of the kinds are those that the daemon reads. @throws Problem `not-over-fabric` */
export function requireUsualPaths(directory: string, { policies, classes, facts }: NodeConfig): void {
  const expected: readonly (readonly [string, string, string])[] = [
    ['policies', policies, join(directory, 'policies')],
    ['classes', classes, join(directory, 'classes.txt')],
    ['facts.directory', facts.directory, join(directory, 'facts.d')],
  ];
  for (const [key, is, usual] of expected) {
    if (is === usual) continue;
    throw new Problem(
      'not-over-fabric',
      `node.yaml has “${key}” at ${is}, not at ${usual}`,
      'apply it over ssh: --ssh',
    );
  }
}

function validatePolicies(files: readonly NodeFile[]): void {
  const own = files.filter(({ kind }) => kind === 'policies');
  const groups = parseGroups(own.find(({ name }) => name === 'groups')?.content ?? '', 'groups');
  for (const { name, content } of own) if (name !== 'groups') parsePolicy(content, name, groups);
}

function validateFacts(text: string, name: string): void {
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, message } = explainYaml(broken, document, text);
    throw new Problem('bad-configuration', `${name}:${line}: ${message}`);
  }
  if (!isMap(document.contents)) throw new Problem('bad-configuration', `${name}: it is not a map of facts`);
}

function validateChecks(text: string, name: string): void {
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#') || /^[a-z_]+(\[[^\]]+\])?=/.test(line)) continue;
    throw new Problem('bad-configuration', `${name}:${index + 1}: this is not a setting of NRPE`);
  }
}
