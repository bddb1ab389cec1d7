/** The name of a resource in output, as in the seed. */
import { capitalise } from '../values/values.ts';
import { nameOf, type Resource } from './resource.ts';

/**
 * `App::Update[bravo]/Mco::Ping[bravo-lb]/Mcollective[ping_bravo-lb]`; within a class, the class comes first: `Web/…`.
 */
export function stepIdOf(resource: Resource): string {
  const { container } = resource;
  if (container === undefined) return nameOf(resource);
  const around = container.kind === 'class' ? capitalise(container.title) : stepIdOf(container);
  return `${around}/${nameOf(resource)}`;
}

/** `/Stage[main]//App::Update[bravo]/…`: the top of a script is in no class. */
export function pathOf(resource: Resource): string {
  const inClass = outermost(resource).kind === 'class';
  return `/Stage[main]/${inClass ? '' : '/'}${stepIdOf(resource)}`;
}

function outermost(resource: Resource): Resource {
  return resource.container === undefined ? resource : outermost(resource.container);
}
