import type { CaRequest } from '../../ca/ca-request.ts';
import type { CliContext } from '../cli/context.ts';
import { type CaOptions, onSameCa } from './options.ts';

/** Prints the request of a new CA to a root, and the next two commands. */
export function printRequest(
  { file, fingerprint, fresh }: CaRequest,
  { directory, realm }: { readonly directory: string; readonly realm: string },
  options: CaOptions,
  context: CliContext,
): void {
  if (options.json === true) {
    context.out(JSON.stringify({ directory, realm, request: file, key_fingerprint: fingerprint }));
    return;
  }
  context.out(
    `${fresh ? 'made a key and' : 'kept the key that waits for a certificate, and made'} the request ${file}`,
  );
  context.out(`fingerprint of the key: ${fingerprint}`);
  context.out('copy the request to the machine of the root and sign it there:');
  context.out(`  mco-deploy ca sign-intermediate ca.csr --fingerprint ${fingerprint}`);
  context.out('then copy its result to this machine, and run:');
  context.out(`  ${onSameCa('accept FILE', options)}`);
}
