/** The first pass over steps: their kinds and needs, and whether these match. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { StepSource } from '../source/schema.ts';
import { findGraphFault, sortByNeeds } from './graph.ts';
import { locationOf, keyLocationOf, type SourceText } from '../source/locations.ts';
import { type Shape, shapeOfStep } from '../expressions/shapes.ts';
import { commonProperties } from '../source/step-schema.ts';
import { stepKinds } from '../steps/index.ts';
import type { StepKind } from '../steps/kind.ts';

/** A step in progress: its kind and position, nothing of it compiled yet. */
export interface StepOutline {
  readonly id: string;
  readonly needs: readonly string[];
  readonly kind: StepKind;
  readonly source: StepSource;
  readonly path: readonly string[];
  /** The shape that later steps see. */
  readonly shape: Shape;
  /** The names in `values` after it. */
  readonly values: readonly string[];
}

/**
 * @returns sorted: each after all its needs
 * @throws Problem `bad-playbook`
 */
export function draftSteps(
  sources: readonly StepSource[],
  list: readonly string[],
  prefix: string,
  text: SourceText,
  agents: ReadonlyMap<string, Ddl>,
): StepOutline[] {
  const ids = sources.map((source, index) => source.id ?? `${prefix}_${index + 1}`);
  const drafts = sources.map((source, index): StepOutline => {
    const path = [...list, String(index)];
    const before = ids[index - 1];
    const declared = source.needs ?? (before === undefined ? [] : [before]);
    const needs = typeof declared === 'string' ? [declared] : declared;
    const kind = kindOf(source, path, text);
    const shape = shapeOfStep(kind.reply?.(source, agents));
    return { id: ids[index] ?? '', needs, kind, source, path, shape, values: valuesOf(kind, source) };
  });
  checkIds(drafts, text);
  checkGraph(drafts, text);
  return sortByNeeds(drafts);
}

/** Including the nested steps: they are known for the whole run. */
function valuesOf(kind: StepKind, source: StepSource): readonly string[] {
  const inner = kind.inner?.(source) ?? [];
  const within = inner.flatMap((step) =>
    stepKinds.flatMap((one) => (step[one.key] === undefined ? [] : valuesOf(one, step))),
  );
  return [...(kind.values?.(source) ?? []), ...within];
}

/** @throws Problem `bad-playbook` when the step has no kind, or two, or a key of another kind */
function kindOf(source: StepSource, path: readonly string[], text: SourceText): StepKind {
  const kinds = stepKinds.filter(({ key }) => source[key] !== undefined);
  const [kind, second] = kinds;
  const known = stepKinds.map(({ key }) => key).join(', ');
  if (kind === undefined) return locationOf(text, path).fail(`the step does nothing: add one of ${known}`);
  if (second !== undefined) {
    return locationOf(text, path).fail(`the step has both “${kind.key}” and “${second.key}”: write two steps`);
  }
  // `notifies` is a mark of the steps that `notify` adds; no key of a file.
  const allowed = new Set<string>([...Object.keys(commonProperties), 'notifies', kind.key, ...kind.keys]);
  const foreign = Object.keys(source).find((key) => !allowed.has(key));
  if (foreign !== undefined) {
    keyLocationOf(text, [...path, foreign]).fail(`“${foreign}” does not belong to a step with “${kind.key}”`);
  }
  return kind;
}

export function checkIds(drafts: readonly StepOutline[], text: SourceText): void {
  const seen = new Set<string>();
  for (const { id, path } of drafts) {
    if (seen.has(id)) locationOf(text, [...path, 'id']).fail(`there are two steps “${id}”`);
    seen.add(id);
  }
}

function checkGraph(drafts: readonly StepOutline[], text: SourceText): void {
  const fault = findGraphFault(drafts);
  if (fault === undefined) return;
  const path = drafts.find(({ id }) => id === fault.id)?.path ?? [];
  locationOf(text, [...path, 'needs']).fail(fault.message);
}
