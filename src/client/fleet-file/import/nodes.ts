import { parse } from 'yaml';
import { isObject, type JsonObject, parseJsonObject } from '../../../core/json.ts';
import { formatAddress } from '../../../core/node.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { DraftHost } from './draft.ts';

/** The configuration files that a node returned; undefined if they may not be read. */
export type KnownFiles = ReadonlyMap<string, string> | undefined;

/** The common settings that `apply` gives every node. */
const always = ['rpcutil', 'lock', 'crl', 'audit', 'config', 'appmgr', 'publish'];

/**
 * A running node in the form of fleet.yaml. Settings of agents are only known of a node that returned its files.
 * @param known the agents that a fleet.yaml can name: those in other languages are files of the node
 */
export function draftFromNode(
  { name, addresses, description }: FoundNode,
  files: KnownFiles,
  known: readonly string[],
): DraftHost {
  const settings = objectIn(files?.get('node.yaml'));
  const sections = isObject(settings.agents) ? (settings.agents as Record<string, JsonObject>) : {};
  const running = description.agents.map((agent) => agent.name);
  const agents = Object.fromEntries(
    running
      .filter((agent) => known.includes(agent) && !always.includes(agent))
      .map((agent) => [agent, sections[agent] ?? {}]),
  );
  const { agents: _agents, ...others } = settings;
  const [address] = addresses;
  // The cluster may come from any file or program of facts; a fleet.yaml without it would name another.
  const facts = { ...clusterOf(description.facts, name), ...objectIn(files?.get('install.yaml')) };
  const appmgr = sections.appmgr;
  const applications =
    isObject(appmgr) && isObject(appmgr.applications) ? (appmgr.applications as Record<string, JsonObject>) : {};
  return {
    name,
    ...(address === undefined ? {} : { address: formatAddress(address) }),
    facts,
    role: roleName(running),
    content: {
      ...(Object.keys(agents).length === 0 ? {} : { agents }),
      ...(Object.keys(others).length === 0 ? {} : { settings: others as JsonObject }),
      ...(description.classes.length === 0 ? {} : { classes: [...description.classes] }),
    },
    applications,
  };
}

function roleName(agents: readonly string[]): string {
  if (agents.includes('haproxy')) return 'balancer';
  if (agents.includes('appmgr')) return 'web';
  return agents.includes('angelia') ? 'notifier' : 'node';
}

function objectIn(text: string | undefined): JsonObject {
  const value: unknown = text === undefined ? {} : parse(text);
  return isObject(value) ? (value as JsonObject) : {};
}

function clusterOf(facts: Parameters<typeof parseJsonObject>[0], name: string): JsonObject {
  const { cluster } = parseJsonObject(facts, `the facts of ${name}`);
  return typeof cluster === 'string' ? { cluster } : {};
}
