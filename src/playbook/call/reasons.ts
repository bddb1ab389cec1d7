import type { NodeFailure } from '../events/events.ts';
import type { World } from '../context.ts';

const longest = 2000;

/** Without the texts of sensitive inputs, and what was computed from them, as it may be shown. */
export function hideSecrets(text: string, { texts, brief }: Pick<World['taint'], 'texts' | 'brief'>): string {
  // The longest first: a part of one may be another.
  const secrets = [...texts.keys(), ...brief.keys()].sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return text;
  const pattern = new RegExp(secrets.map(escapePattern).join('|'), 'g');
  return text.replace(pattern, '(hidden)');
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Why a step failed, as it may be written down: a message of the playbook may repeat what must not be. */
export function reasonsToKeep(
  failed: readonly NodeFailure[],
  { taint, discretion }: Pick<World, 'taint' | 'discretion'>,
): readonly NodeFailure[] {
  const hides = (reason: string) => discretion.outputs || hideSecrets(reason, taint) !== reason;
  return failed.map(({ node, code, reason }) => ({
    node,
    code,
    reason: hides(reason) ? '(hidden)' : reason.slice(0, longest),
  }));
}
