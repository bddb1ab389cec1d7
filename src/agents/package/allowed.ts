import { Problem } from '../../core/errors.ts';

/** Whether a package is on the list of node.yaml, in which `*` stands for any text. */
export function isAllowed(name: string, list: readonly string[]): boolean {
  return list.some((pattern) => matches(name, pattern.split('*')));
}

/** @throws Problem `not-allowed` */
export function requireAllowed(name: string, list: readonly string[]): void {
  if (isAllowed(name, list)) return;
  const hint = list.length === 0 ? 'agents.package.packages in its node.yaml lists none' : '';
  throw new Problem('not-allowed', `${name} is not on this node's list of packages`, hint);
}

/** The parts between the stars must follow each other, the first at the beginning and the last at the end. */
function matches(name: string, [first = '', ...rest]: readonly string[]): boolean {
  if (rest.length === 0) return name === first;
  const last = rest.at(-1) ?? '';
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > name.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}
