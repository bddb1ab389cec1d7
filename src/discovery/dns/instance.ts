/**
 * The identity in an instance's full name, whether its dots are of one label (then a resolver gives them as `\.`, RFC 1035, 5.1)
 * or stand between labels, as many a DNS server can only have them. Undefined when it is of another service.
 */
export function identityIn(instance: string, service: string): string | undefined {
  const lower = instance.toLowerCase().replace(/\.$/, '');
  const suffix = `.${service.toLowerCase()}`;
  return lower.endsWith(suffix) ? lower.slice(0, -suffix.length).replaceAll('\\.', '.') : undefined;
}
