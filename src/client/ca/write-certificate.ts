import type { KeyObject, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { deliver, type DeliveryTarget, requireFree } from '../../ca/delivery.ts';
import { certificateOf, stateOf } from '../../ca/store/issued.ts';
import { readIssued, readStoredCrl } from '../../ca/store/records.ts';
import { issuersPem, type Store, trustedPem } from '../../ca/store/store.ts';
import { Problem } from '../../core/errors.ts';
import { formatIdentity, type Identity } from '../../core/identity.ts';
import type { CliContext } from '../cli/context.ts';
import { type CaOptions, type CertificateOutputOptions, onSameCa } from './options.ts';

/** The holder of a certificate and where it is written. */
export interface CertificateDelivery {
  readonly kind: Identity['kind'];
  readonly name: string;
  /** Makes the certificate, once there is room for it; the key only if it was made here. */
  readonly make: () => Promise<{ readonly certificate: X509Certificate; readonly key?: KeyObject }>;
  readonly withKey: boolean;
  /** The result in one word: “issued”, “signed”, “renewed”. */
  readonly done: string;
  /** Whether a bundle contains an initial configuration. */
  readonly starting: boolean;
}

/**
 * Makes the certificate and writes it where the options say: `--bundle FILE`, or `--out DIR` (a directory with the
 * holder's name).
 */
export async function writeCertificate(
  request: CertificateDelivery,
  store: Store,
  options: CaOptions & CertificateOutputOptions,
  context: CliContext,
): Promise<void> {
  const { kind, name } = request;
  const target = placeOf(options, name);
  const ca = trustedPem(store);
  await requireFree(target, { kind, ca }, request.withKey);
  const made = await request.make();
  const crl = await readStoredCrl(store);
  const issuers = issuersPem(store);
  const delivery = {
    ...made,
    kind,
    name,
    ca,
    issuers,
    starting: request.starting,
    ...(crl === undefined ? {} : { crl }),
  };
  const files = await deliver(delivery, target, Date.now());
  const { certificate } = made;
  report(request, { certificate, realm: store.realm, files }, options, context);
  await warnOfOthers({ kind, name, certificate }, store, options, context);
}

/** The holder of an earlier key is that node or operator, too, until it is revoked. A renewal is for the same key. */
async function warnOfOthers(
  { kind, name, certificate }: Pick<CertificateDelivery, 'kind' | 'name'> & { readonly certificate: X509Certificate },
  store: Store,
  options: CaOptions,
  { err }: CliContext,
): Promise<void> {
  const now = Date.now();
  const others = (await readIssued(store)).filter(
    (entry) =>
      entry.kind === kind &&
      entry.name === name &&
      stateOf(entry, now) === 'valid' &&
      !certificateOf(entry).publicKey.equals(certificate.publicKey),
  );
  const [first] = others;
  if (first === undefined) return;
  const last = others
    .map(({ notAfter }) => notAfter)
    .sort()
    .at(-1);
  const isOne = others.length === 1;
  err(
    `warning: ${isOne ? 'an earlier certificate' : `${others.length} earlier certificates`} of ${kind} ${name}, for ${isOne ? 'another key, stays' : 'other keys, stay'} valid until ${last}`,
  );
  if (!isOne) err(`“${onSameCa(`show ${name} --kind ${kind}`, options)}” lists them`);
  err(`to revoke ${isOne ? 'it' : 'the first'}: ${onSameCa(`revoke ${first.serial}`, options)}`);
}

function placeOf({ out, bundle, force = false }: CertificateOutputOptions, name: string): DeliveryTarget {
  if (out !== undefined && bundle !== undefined) {
    throw new Problem('usage', '--out and --bundle cannot be combined', 'give one of them');
  }
  const form = bundle === undefined ? 'directory' : 'bundle';
  return { form, path: resolve(bundle ?? out ?? name), replace: force };
}

interface WrittenCertificate {
  readonly certificate: X509Certificate;
  readonly realm: string;
  readonly files: readonly string[];
}

function report(
  { kind, name, done }: CertificateDelivery,
  { certificate, realm, files }: WrittenCertificate,
  options: CaOptions & CertificateOutputOptions,
  context: CliContext,
): void {
  const { serialNumber: serial } = certificate;
  const validTo = new Date(certificate.validTo).toISOString();
  const identity = formatIdentity({ kind, name, realm });
  if (options.json === true) {
    context.out(JSON.stringify({ identity, kind, name, serial, valid_to: validTo, files }));
    return;
  }
  context.out(`${done} ${identity}, serial ${serial}, valid until ${validTo}`);
  for (const file of files) context.out(`  ${file}`);
  if (options.bundle === undefined) return;
  const target = kind === 'node' ? '/etc/mco-deploy' : '~/.config/mco-deploy';
  context.out(`unpack it there with: mkdir -p ${target} && tar -xzf ${options.bundle} -C ${target}`);
}
