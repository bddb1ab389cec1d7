import { Problem } from './errors.ts';

/** The subject of a certificate: a node that serves, or an operator that calls. */
export interface Identity {
  readonly realm: string;
  readonly kind: 'node' | 'operator';
  readonly name: string;
  /** The applications that an operator's certificate is limited to; no limit when omitted. */
  readonly applications?: readonly string[];
}

const realmPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const operatorPattern = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;

/**
 * A node is named like a host (RFC 1123, lower case), so that the name can be part of a certificate, of DNS and of a
 * path.
 */
export function isNodeName(name: string): boolean {
  return name.length <= 253 && realmPattern.test(name);
}

export function isOperatorName(name: string): boolean {
  return operatorPattern.test(name) && !name.includes('..');
}

/** @throws Problem `bad-name` when the realm or the name cannot be part of a certificate. */
export function defineIdentity(kind: Identity['kind'], realm: string, name: string): Identity {
  if (realm.length > 253 || !realmPattern.test(realm)) {
    throw new Problem(
      'bad-name',
      `“${realm}” is not a valid realm`,
      'use lower-case letters, digits, dots and hyphens',
    );
  }
  if (kind === 'node' ? !isNodeName(name) : !isOperatorName(name)) {
    const allowed = kind === 'node' ? 'a host name in lower case' : 'letters, digits and . _ @ + -';
    throw new Problem('bad-name', `“${name}” is not a valid ${kind} name`, `use ${allowed}`);
  }
  return Object.freeze({ kind, realm, name });
}

/** The SAN URI of an identity: `mco://REALM/node/NAME` or `mco://REALM/operator/NAME`. */
export function formatIdentity({ realm, kind, name }: Identity): string {
  return `mco://${realm}/${kind}/${name}`;
}

/** The identity in a SAN URI, or undefined when it is not an identity of mco-deploy. */
export function parseIdentity(uri: string): Identity | undefined {
  const [, realm, kind, name] = /^mco:\/\/([^/]+)\/(node|operator)\/([^/]+)$/.exec(uri) ?? [];
  if (realm === undefined || name === undefined || (kind !== 'node' && kind !== 'operator')) return undefined;
  try {
    return defineIdentity(kind, realm, name);
  } catch {
    return undefined;
  }
}

/** How policies and audit logs write a caller. */
export function callerId(identity: Identity): string {
  return identity.kind === 'operator' ? `cert=${identity.name}` : `node=${identity.name}`;
}
