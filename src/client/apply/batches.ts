import { cutBatches } from '../../library/fleet/batches.ts';

interface Member {
  readonly host: { readonly role: { readonly name: string } };
}

/**
 * A canary alone, then the others in batches. The canary has the most common role, so that its result is typical.
 * @param batch `N` or `N%` of the others; by default five, or a quarter of many
 */
export function cutWithCanary<Item extends Member>(items: readonly Item[], batch: string | undefined): Item[][] {
  const sizes = new Map<string, number>();
  for (const { host } of items) sizes.set(host.role.name, (sizes.get(host.role.name) ?? 0) + 1);
  const [canary] = [...items].sort((a, b) => (sizes.get(b.host.role.name) ?? 0) - (sizes.get(a.host.role.name) ?? 0));
  if (canary === undefined) return [];
  const others = items.filter((item) => item !== canary);
  return [[canary], ...cutBatches(others, batch ?? String(Math.max(5, Math.ceil(others.length / 4))))];
}
