/** Names that container and virtual machine software gives to its bridges and to the host's ends of its links. */
const containerNames =
  /^(docker|br-[0-9a-f]{6,}|cni|cbr|podman|lxcbr|lxdbr|incusbr|virbr|veth|cali|vxlan\.|flannel|weave|kube-|nerdctl|vnet|tap|lxc)/;

/** The properties that decide the order of interfaces. */
export interface InterfaceTraits {
  readonly defaultRoutes: ReadonlySet<string>;
  readonly isBridge: (name: string) => boolean;
}

/** Whether an interface belongs to containers or virtual machines of this host, and leads to no other host. */
export function servesContainers(name: string, { defaultRoutes, isBridge }: InterfaceTraits): boolean {
  return !defaultRoutes.has(name) && (containerNames.test(name) || isBridge(name));
}

/**
 * Orders interfaces by the chance of finding other hosts there: first those with a default route, last those of
 * containers; within each group the order stays.
 */
export function orderInterfaces<T extends { readonly name: string }>(
  interfaces: readonly T[],
  traits: InterfaceTraits,
): T[] {
  const rank = ({ name }: T) => (traits.defaultRoutes.has(name) ? 0 : servesContainers(name, traits) ? 2 : 1);
  const ranked = interfaces.map((one) => ({ one, rank: rank(one) }));
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ one }) => one);
}
