import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** The variables of a script about the machine that runs it. @param operator of the certificate */
export function scriptFacts(operator: string): Record<string, unknown> {
  const fqdn = hostname();
  const [host = fqdn, ...domain] = fqdn.split('.');
  const facts = {
    id: operator,
    hostname: host,
    fqdn,
    ...(domain.length === 0 ? {} : { domain: domain.join('.') }),
    operatingsystem: systemName(),
  };
  return { ...facts, facts };
}

/** From os-release(5), by the first word of its name: Debian, Ubuntu, Rocky. */
function systemName(): string {
  try {
    const [, name = ''] = /^NAME="?(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
    return name;
  } catch {
    return '';
  }
}
