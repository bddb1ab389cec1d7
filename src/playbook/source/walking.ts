/** Iterates over all the steps of a playbook, nested ones included. */
import type { GroupSource, PlaybookSource, StepSource } from './schema.ts';
import type { Playbook, Step } from '../model.ts';

export interface PlacedStep {
  readonly step: StepSource;
  /** Its position in the file. */
  readonly path: readonly string[];
}

/** Every step as written in the file. */
export function* everySource(
  holder: Partial<Pick<PlaybookSource, 'steps' | 'on_failure' | 'always'>>,
  path: readonly string[] = [],
): Generator<PlacedStep> {
  for (const list of ['steps', 'on_failure', 'always'] as const) {
    for (const [index, step] of (holder[list] ?? []).entries()) {
      const at = [...path, list, String(index)];
      yield { step, path: at };
      for (const key of ['rolling', 'for_each'] as const) {
        const group: GroupSource | undefined = step[key];
        if (group !== undefined) yield* everySource(group, [...at, key]);
      }
    }
  }
}

/** Every checked step of a playbook; the caller visits those of the playbooks that it uses. */
export function* everyStep({ steps, onFailure, always }: Playbook): Generator<Step> {
  yield* within([...steps, ...onFailure, ...always]);
}

function* within(steps: readonly Step[]): Generator<Step> {
  for (const step of steps) {
    yield step;
    yield* within(step.body.within ?? []);
  }
}
