import type { NodeFailure } from '../events/events.ts';
import type { World } from '../context.ts';

const longest = 2000;

/** Without the texts of sensitive inputs, as it may be shown. */
export function hideSecrets(text: string, secrets: World['secrets']): string {
  return [...secrets.keys()].reduce((shown, secret) => shown.replaceAll(secret, '(hidden)'), text);
}

/** Why a step failed, as it may be written down: a message of the playbook may repeat what must not be. */
export function reasonsToKeep(
  failed: readonly NodeFailure[],
  { secrets, discretion }: Pick<World, 'secrets' | 'discretion'>,
): readonly NodeFailure[] {
  const hides = (reason: string) => discretion.outputs || [...secrets.keys()].some((secret) => reason.includes(secret));
  return failed.map(({ node, code, reason }) => ({
    node,
    code,
    reason: hides(reason) ? '(hidden)' : reason.slice(0, longest),
  }));
}
