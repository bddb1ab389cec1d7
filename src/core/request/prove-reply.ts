import { issuersIn, parseCertificate } from '../credentials/certificate.ts';
import { rememberIssuers } from '../credentials/issuers.ts';
import { proveCertificate, type Trust } from '../credentials/proof.ts';
import { verifies } from '../credentials/signature.ts';
import { Problem } from '../errors.ts';

/** A reply as its node signed it. */
interface Signed {
  readonly reply: Uint8Array;
  readonly signature: Uint8Array;
  readonly chain: readonly Uint8Array[];
}

/**
 * Proves that a reply comes from the node that was asked.
 * @param read reads its content, once the signature is valid and its certificate is proven
 * @returns the content, which names the node too
 * @throws Problem `bad-reply`, or as {@link proveCertificate}
 */
export function proveReply<Reply extends { readonly node: string }>(
  kind: 'reply' | 'query-reply',
  { reply, signature, chain }: Signed,
  node: string,
  { trust, now, read }: { readonly trust: Trust; readonly now: number; readonly read: () => Reply },
): Reply {
  const [leaf] = chain;
  if (leaf === undefined) throw new Problem('bad-reply', `the reply of ${node} has no certificate`);
  const certificate = parseCertificate(leaf);
  if (!verifies(kind, reply, signature, certificate)) {
    throw new Problem('bad-reply', `the signature of the reply of ${node} is not valid`);
  }
  rememberIssuers(issuersIn(chain), trust);
  const { identity } = proveCertificate(certificate, 'node', trust, now);
  if (identity.name !== node) {
    throw new Problem('bad-reply', `the reply was signed by ${identity.name}, not by ${node}`);
  }
  const content = read();
  if (content.node !== node) throw new Problem('bad-reply', `the reply of ${node} names another node`);
  return content;
}
