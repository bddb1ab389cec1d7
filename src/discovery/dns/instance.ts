/**
 * The identity in an instance's full name, whether its dots are in one label (then a resolver gives them as `\.`, RFC
 * 1035, 5.1) or between labels, as some DNS servers require. Undefined for another service.
 */
export function identityIn(instance: string, service: string): string | undefined {
  const lower = instance.toLowerCase().replace(/\.$/, '');
  const suffix = `.${service.toLowerCase()}`;
  return lower.endsWith(suffix) ? lower.slice(0, -suffix.length).replaceAll('\\.', '.') : undefined;
}
