import { resolve } from 'node:path';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { decodeText } from '../../../core/files/decode.ts';
import { writeNewOutput } from '../../../core/files/output.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { isObject } from '../../../core/json.ts';
import { count } from '../../../core/text.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { callConfig } from '../../apply/call-config.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { draftFromAnsible } from '../../fleet-file/import/ansible.ts';
import { type DraftHost, formatDraft } from '../../fleet-file/import/draft.ts';
import { draftFromNode, type KnownFiles } from '../../fleet-file/import/nodes.ts';
import { operatorName } from '../../fleet-file/operator-name.ts';

export interface ImportOptions extends CommonOptions {
  readonly ansible?: string;
  readonly out?: string;
}

/** Writes a fleet.yaml from the existing nodes, or from an inventory. @returns the exit code */
export async function importFleet(
  options: ImportOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  if (options.ansible !== undefined) {
    const hosts = draftFromAnsible(await readText(options.ansible), options.ansible);
    const operator = (await operatorName(options.config, context)) ?? 'you@example.net';
    await write(hosts, operator, options, context);
    return exitCode.ok;
  }
  const { targets } = nodesOf(options);
  const configDdl = requireDdl(catalogue, 'config');
  return await overNodes(
    options,
    { targets, settings: { full: false, facts: ['cluster'] } },
    context,
    async ({ nodes }, session) => {
      if (nodes.length === 0) return [];
      const files = await Promise.all(nodes.map((node) => filesOf(node, session, configDdl, context)));
      const known = catalogue.map(({ name }) => name);
      const hosts = nodes.map((node, index) => draftFromNode(node, files[index], known));
      warnOfOthers(nodes, known, context);
      const unknown = nodes.filter((_, index) => files[index] === undefined).map(({ name }) => name);
      if (unknown.length > 0) {
        context.err(
          `warning: ${unknown.join(', ')}: the settings of agents are not known here: “config.files” is not allowed, or the agent is not enabled`,
        );
      }
      await write(hosts, session.caller.credentials.identity.name, options, context);
      return nodes.map(() => ({ outcome: 'ok' as const }));
    },
  );
}

/** A fleet.yaml does not name agents in other languages: `apply` leaves them as they are. */
function warnOfOthers(nodes: readonly FoundNode[], known: readonly string[], context: CliContext): void {
  const names = nodes.flatMap(({ description }) => description.agents.map(({ name }) => name));
  const others = [...new Set(names)].filter((name) => !known.includes(name)).sort();
  if (others.length === 0) return;
  context.err(
    `warning: agents in other languages are not part of a fleet.yaml, and stay as they are: ${others.join(', ')}`,
  );
}

async function filesOf(node: FoundNode, session: Session, ddl: Ddl, { signal }: CliContext): Promise<KnownFiles> {
  if (!node.description.agents.some(({ name }) => name === ddl.name)) return undefined;
  const { outcome, data } = await callConfig(node, 'files', {}, { ddl, session, replace: false, signal });
  if (outcome !== 'ok' || !Array.isArray(data.files)) return undefined;
  return new Map(data.files.filter(isObject).map(({ name, content }) => [String(name), String(content)]));
}

async function write(
  hosts: readonly DraftHost[],
  operator: string,
  { out, json }: ImportOptions,
  context: CliContext,
): Promise<void> {
  const text = formatDraft(hosts, [operator]);
  if (out === undefined) {
    context.out(json === true ? JSON.stringify({ fleet: text, file: null }) : text.trimEnd());
    return;
  }
  const file = resolve(out);
  await writeNewOutput(file, text);
  context.out(
    json === true ? JSON.stringify({ fleet: text, file }) : `wrote ${file} with ${count(hosts.length, 'host')}`,
  );
}

async function readText(file: string): Promise<string> {
  try {
    return decodeText(await readInput(file));
  } catch (cause) {
    throw new Problem('unreadable-file', `the inventory ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
