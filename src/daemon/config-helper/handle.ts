import { join } from 'node:path';
import type { AgentEntry } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { digestFiles, listNodeFiles, type NodeFile } from '../../core/node-files/list.ts';
import { readPending } from '../../core/node-files/pending.ts';
import { loadNodeConfig, type NodeConfig } from '../config/config.ts';
import { type Change, type NewFile, parseChange } from './change.ts';
import { bootId } from './revert.ts';
import type { HelperMessage } from '../../core/node-files/message.ts';
import { openChange, type ProvenRequest, requireRights } from './open-change.ts';
import { type HelperSettings, readHelperSettings } from './settings.ts';
import { type Effect, effectOf, revertChange, settle, switchFiles } from './switch.ts';
import { requireUsualPaths, validateFiles } from './validate.ts';

/** The result of a request. */
export interface Handled {
  readonly reply: JsonObject;
  /** A change that waits for confirmation from now on. */
  readonly waiting?: { readonly change: string; readonly effect: Effect; readonly settings: HelperSettings };
}

/**
 * Carries out an operator's request, once everything about it is proven; under the lock.
 * @throws Problem with the reason; then nothing was changed
 */
export async function handleRequest(
  { signed, instance }: Extract<HelperMessage, { type: 'request' }>,
  directory: string,
  agents: readonly AgentEntry[],
): Promise<Handled> {
  const settings = await readHelperSettings(directory);
  const config = await loadNodeConfig(join(directory, 'node.yaml'), agents);
  const request = await openChange(signed, directory, config, settings);
  if (request.action === 'confirm') return { reply: await confirm(request, directory) };
  return await apply(request, instance, directory, { config, settings, agents });
}

/** Only the operator who made the change can confirm that the node answers them. */
async function confirm({ input, operator }: ProvenRequest, directory: string): Promise<JsonObject> {
  const change = String(input.change);
  const pending = await readPending(directory);
  if (pending !== undefined && pending.change === change && operator !== pending.operator) {
    throw new Problem(
      'policy-denied',
      `the change ${change} was made by ${pending.operator}, who alone may confirm it`,
    );
  }
  if (await settle(directory, change)) return { change, confirmed: true };
  throw new Problem('nothing-pending', `the change ${change} does not wait for confirmation`, 'apply it again');
}

interface Known {
  readonly config: NodeConfig;
  readonly settings: HelperSettings;
  readonly agents: readonly AgentEntry[];
}

async function apply(
  { id, operator, dryRun, input }: ProvenRequest,
  instance: string,
  directory: string,
  { config, settings, agents }: Known,
): Promise<Handled> {
  const change = parseChange(input);
  requireRights(
    operator,
    change.files.map(({ kind }) => kind),
    settings,
  );
  requireUsualPaths(directory, config);
  const pending = await readPending(directory);
  if (pending !== undefined) {
    const what = `a change of ${pending.operator} waits for confirmation until ${new Date(pending.until).toISOString()}`;
    throw new Problem('busy', what, 'call again after that');
  }
  const before = await listNodeFiles(directory);
  requireUnchanged(change, before);
  const after = merge(before, change.files);
  validateFiles(after, directory, config, agents);
  const effect = effectOf(change.files);
  if (dryRun) return { reply: { change: '', effect, digest: digestFiles(after), until: '' } };
  const until = Date.now() + settings.patience * 1000;
  const details = { change: id, operator, until, boot: await bootId(), instance, effect };
  await switchOrGoBack(directory, change.files, details);
  const reply = { change: id, effect, digest: digestFiles(after), until: new Date(until).toISOString() };
  return { reply, waiting: { change: id, effect, settings } };
}

/** A disk that fills up in the middle leaves the node as it was. */
async function switchOrGoBack(...[directory, files, details]: Parameters<typeof switchFiles>): Promise<void> {
  try {
    await switchFiles(directory, files, details);
  } catch (error) {
    const pending = await readPending(directory);
    if (pending?.change === details.change) await revertChange(directory, pending, 'the change could not be written');
    throw error;
  }
}

/** @throws Problem `changed-meanwhile` */
function requireUnchanged({ previous }: Change, before: readonly NodeFile[]): void {
  if (digestFiles(before) === previous) return;
  throw new Problem('changed-meanwhile', 'the files of the node have changed since you saw them', 'apply again');
}

function merge(before: readonly NodeFile[], files: readonly NewFile[]): NodeFile[] {
  const others = before.filter((one) => !files.some(({ kind, name }) => kind === one.kind && name === one.name));
  const added = files.flatMap(({ kind, name, content }) => (content === undefined ? [] : [{ kind, name, content }]));
  return [...others, ...added];
}
