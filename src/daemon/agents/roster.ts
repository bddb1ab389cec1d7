import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent, AgentEntry, FindExternalAgents } from '../../core/agent.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Log, NodeView } from '../../core/ports.ts';
import { runCommand } from '../exec/run-command.ts';
import { loadAgents, stopAgents } from './load-agents.ts';

/** The current agents of the node: the built-in ones that are enabled, and those in other languages. */
export interface Roster {
  readonly entries: () => readonly AgentEntry[];
  readonly running: ReadonlyMap<string, Agent>;
  /** Looks for the agents in other languages again. */
  readonly reload: () => Promise<void>;
  /** Agents in other languages that are refused, and why. */
  readonly warnings: () => readonly string[];
  readonly stop: () => Promise<void>;
}

export interface RosterParts {
  /** All built-in ones, enabled or not. */
  readonly known: readonly AgentEntry[];
  /** Sections of the configuration: only agents named here are enabled. */
  readonly configs: Readonly<Record<string, JsonObject>>;
  readonly external: { readonly directory: string; readonly plugins: string };
  readonly findExternal: FindExternalAgents;
  readonly view: NodeView;
  readonly stateDirectory: string;
  readonly log: Log;
}

/** @throws Problem `agent-failed` when a built-in agent cannot start */
export async function startRoster(parts: RosterParts): Promise<Roster> {
  const { known, configs, view, stateDirectory, log } = parts;
  const builtIn = known.filter(({ ddl }) => Object.hasOwn(configs, ddl.name));
  const running = await loadAgents(builtIn, configs, view, stateDirectory, log);
  const scratch = join(stateDirectory, 'external');
  // Files that a crash left from unfinished calls may contain secrets.
  await rm(scratch, { recursive: true, force: true });
  let entries: readonly AgentEntry[] = builtIn;
  let warnings: readonly string[] = [];

  const reload = async () => {
    const taken = known.flatMap(({ ddl }) => [ddl.name, ...(ddl.aliases ?? [])]);
    const { facts } = view;
    const setup = { ...parts.external, scratch, taken, facts, run: runCommand, log };
    const found = await parts.findExternal(setup);
    const started = await loadAgents(found.entries, {}, view, stateDirectory, log);
    const isUnsettled = (name: string) => found.unsettled === 'all' || found.unsettled.includes(name);
    const outside = entries.filter(({ ddl }) => ddl.origin === 'outside');
    const kept = outside.filter(({ ddl }) => isUnsettled(ddl.name));
    for (const { ddl } of outside) if (!kept.some((one) => one.ddl === ddl)) running.delete(ddl.name);
    for (const [name, agent] of started) running.set(name, agent);
    entries = [...builtIn, ...kept, ...found.entries];
    warnings = found.refused;
    for (const warning of warnings) log.error({}, warning);
  };
  await reload();
  return {
    entries: () => entries,
    running,
    reload,
    warnings: () => warnings,
    stop: () => stopAgents(running.values()),
  };
}
