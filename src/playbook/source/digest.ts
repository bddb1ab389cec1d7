import { createHash } from 'node:crypto';
import type { Playbook } from '../model.ts';
import { everyStep } from './walking.ts';

/** SHA-256, in hex, of the content of a playbook and of those that it uses; comments and layout do not count. */
export function digestPlaybook(playbook: Playbook): string {
  const hash = createHash('sha256');
  for (const source of sourcesOf(playbook)) hash.update(`${JSON.stringify(source)}\n`);
  return hash.digest('hex');
}

function* sourcesOf(playbook: Playbook): Generator<object> {
  yield playbook.source;
  for (const { body } of everyStep(playbook)) if (body.used !== undefined) yield* sourcesOf(body.used);
}
