import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRevocations } from '../../../src/ca/revocation/revocations.ts';
import { rememberIssuers } from '../../../src/core/credentials/issuers.ts';
import { loadCredentials, pemBlocks } from '../../../src/core/credentials/credentials.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../src/core/credentials/proof.ts';
import { runInProcess } from './cli.ts';

/** Two machines: their files are carried by hand, that is to say copied. */
export function makeMachines() {
  const home = mkdtempSync(join(tmpdir(), 'mco-roots-'));
  const at = (...parts: string[]) => join(home, ...parts);
  const paths = new Set(['--dir', '--out']);
  const run = async (words: readonly string[], passphrase = '') => {
    const absolute = words.map((word, index) => {
      const isFile = /\.(csr|pem)$/.test(word) || paths.has(words[index - 1] ?? '');
      return isFile ? at(word) : word;
    });
    const { code, out, err } = await runInProcess(absolute, home, {
      env: { HOME: home, MCO_DEPLOY_CA_PASSPHRASE: passphrase },
    });
    return { code: code === -1 ? 0 : code, out: out.join('\n'), err: err.join('\n') };
  };
  const ca = async (...words: string[]) => {
    const { code, out, err } = await run(['ca', ...words]);
    assert.equal(code, 0, `${words.join(' ')}: ${err}`);
    return out;
  };
  const fingerprintIn = (text: string) => /--fingerprint (\S+)/.exec(text)?.[1] ?? '';
  return {
    at,
    run,
    ca,
    fingerprintIn,
    read: (...parts: string[]) => readFileSync(at(...parts), 'utf8'),
    /** A root, and a CA below it. */
    begin: async () => {
      await ca('init', '--root', '--realm', 'devco.net', '--dir', 'root');
      const text = await ca('init', '--intermediate', '--realm', 'devco.net', '--dir', 'ca');
      const proof = ['--fingerprint', fingerprintIn(text), '--out', 'signed.pem', '--dir', 'root'];
      await ca('sign-intermediate', 'ca/ca.csr', ...proof);
      await ca('accept', 'signed.pem', '--dir', 'ca');
    },
    /** Makes the root sign a new CA, which takes over in a directory. */
    replace: async (dir: string, root = 'root') => {
      const text = await ca('rollover', '--intermediate', '--dir', dir);
      const proof = ['--fingerprint', fingerprintIn(text), '--out', 'next.pem', '--force', '--dir', root];
      await ca('sign-intermediate', `${dir}/ca.csr`, ...proof);
      await ca('accept', 'next.pem', '--dir', dir);
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true }),
  };
}

export type Machines = ReturnType<typeof makeMachines>;

/** The judgement of a node with these files on the certificate of another. */
export async function judge({ at, read }: Machines, verifier: string, holder: string): Promise<string> {
  const files = {
    certificate: at(verifier, 'node.crt'),
    key: at(verifier, 'node.key'),
    ca: at(verifier, 'ca.crt'),
    crl: at(verifier, 'crl.pem'),
  };
  const { trust } = await loadCredentials(files, 'node', readRevocations, Date.now());
  const [certificate, ...issuers] = pemBlocks(read(holder, 'node.crt')).map(parseCertificate);
  assert.ok(certificate !== undefined);
  rememberIssuers(issuers, trust);
  try {
    return proveCertificate(certificate, 'node', trust, Date.now()).identity.name;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
