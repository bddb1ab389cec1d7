/** A declaration of a script. */
import type { Value } from '../values/values.ts';
import { capitalise } from '../values/values.ts';
import type { SourcePosition } from '../source.ts';

/** An attribute’s value, and the position where it was set. */
export interface Setting {
  readonly value: Value;
  readonly position: SourcePosition;
}

export interface Resource {
  /** In small letters: `mcollective`, `app::update`; `class` for a class. */
  readonly type: string;
  readonly title: string;
  /** Where a person declared it. */
  readonly position: SourcePosition;
  /** The define or class around it. */
  readonly container: Resource | undefined;
  /** `plain`: it does something itself; the others contain their declarations. */
  readonly kind: 'plain' | 'define' | 'class';
  readonly attributes: Map<string, Setting>;
  /** Defaults of its type that apply at its position, nearest first. */
  readonly defaults: () => readonly ReadonlyMap<string, Setting>[];
  /** True until a collector or `realize` takes it. */
  virtual: boolean;
}

/** All declarations at an end of an arrow, known when the whole script was evaluated. */
export type Endpoint = () => readonly Resource[];

/** The first must have ended well before the second begins. */
export interface Relation {
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Whether a change of the first refreshes the second. */
  readonly refreshes: boolean;
  readonly position: SourcePosition;
}

export interface Catalogue {
  /** By {@link keyOf}, in the order they were declared. */
  readonly resources: Map<string, Resource>;
  readonly relations: Relation[];
  /** Classes that something else contains. */
  readonly containments: { readonly container: Resource; readonly contained: Resource }[];
}

export function keyOf(type: string, title: string): string {
  return `${type}\0${type === 'class' ? title.toLowerCase() : title}`;
}

/** `App::Update[bravo]`. */
export function nameOf({ type, title }: Pick<Resource, 'type' | 'title'>): string {
  return `${capitalise(type)}[${type === 'class' ? capitalise(title) : title}]`;
}

/** An attribute with the defaults of its type; undef counts as not set. */
export function settingOf({ attributes, defaults }: Resource, name: string): Setting | undefined {
  const own = attributes.get(name);
  if (own !== undefined) return own.value === undefined ? undefined : own;
  for (const one of defaults()) {
    const found = one.get(name);
    if (found !== undefined) return found.value === undefined ? undefined : found;
  }
  return undefined;
}
