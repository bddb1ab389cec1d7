import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readRevocations } from '../../../src/ca/revocation/revocations.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../src/core/credentials/proof.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { type CaCli, makeCaCli } from '../../support/program/ca-cli.ts';
import { openssl } from '../../support/openssl.ts';

const secret = { MCO_DEPLOY_CA_PASSPHRASE: 'correct horse' };

/** A command of the CA, in this process: `init` alone runs as one of its own. */
async function run({ dir, env }: CaCli, args: readonly string[], more: Readonly<Record<string, string>> = secret) {
  const absolute = args.map((word, at) => (args[at - 1] === '--out' ? join(dir, word) : word));
  const { code, out, err } = await runInProcess(['ca', ...absolute], dir, { env: { ...env, ...more } });
  // A command without an expected exit code must succeed.
  return { code: code === -1 ? 0 : code, out: out.join('\n'), err: err.join('\n') };
}

async function succeed(ca: CaCli, ...args: string[]): Promise<string> {
  const { code, out, err } = await (args[0] === 'init' ? ca.run(['ca', ...args], secret) : run(ca, args));
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  return out;
}

async function authoritiesIn(file: string) {
  const text = await readFile(file, 'utf8');
  return text.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => parseCertificate(pem));
}

describe('a new CA', () => {
  test('takes over while both are trusted, and the old one ends when nobody needs it', async () => {
    await using ca = await makeCaCli();
    await succeed(ca, 'init', '--realm', 'devco.net');
    for (const name of ['dev1', 'dev2']) await succeed(ca, 'issue', 'node', name, '--out', `old-${name}`);
    await succeed(ca, 'rollover');
    await succeed(ca, 'issue', 'node', 'dev3', '--out', 'dev3');
    const bundle = join(ca.dir, 'dev3/ca.crt');
    const authorities = await authoritiesIn(bundle);
    assert.equal(authorities.length, 2);

    await succeed(ca, 'revoke', 'dev2');
    await succeed(ca, 'revoke', 'dev3');
    const crl = await readFile(join(ca.dir, 'data/mco-deploy/ca/crl.pem'), 'utf8');
    const { isRevoked } = await readRevocations(crl, authorities);
    const prove = async (file: string, trusted = authorities) =>
      proveCertificate(
        parseCertificate(await readFile(join(ca.dir, file))),
        'node',
        { realm: 'devco.net', authorities: trusted, isRevoked },
        Date.now(),
      );
    assert.equal((await prove('old-dev1/node.crt')).identity.name, 'dev1');
    await assert.rejects(prove('old-dev2/node.crt'), { code: 'revoked-certificate' });
    await assert.rejects(prove('dev3/node.crt'), { code: 'revoked-certificate' });
    for (const file of ['old-dev1/node.crt', 'dev3/node.crt']) {
      assert.equal((await openssl(['verify', '-CAfile', bundle, join(ca.dir, file)])).ok, true, file);
    }

    const early = await run(ca, ['rollover', '--finish']);
    assert.equal(early.code, 64);
    assert.match(early.err, /node dev1.*renew them first, or revoke them/);
    await succeed(ca, 'renew', 'dev1', '--out', 'new-dev1');
    await succeed(ca, 'rollover', '--finish');
    const left = await authoritiesIn(join(ca.dir, 'data/mco-deploy/ca/ca.crt'));
    assert.equal(left.length, 1);
    assert.equal((await prove('new-dev1/node.crt', left)).identity.name, 'dev1');
    await assert.rejects(prove('old-dev1/node.crt', left), { code: 'foreign-certificate' });
    assert.match((await run(ca, ['rollover', '--finish'])).err, /^mco-deploy: .*rollover/);
  });

  test('cannot be started without the passphrase of the old one', async () => {
    await using ca = await makeCaCli();
    await succeed(ca, 'init', '--realm', 'devco.net');
    const before = await succeed(ca, 'show', '--pem');
    const refused = await run(ca, ['rollover'], { MCO_DEPLOY_CA_PASSPHRASE: 'wrong' });
    assert.equal(refused.code, 64);
    assert.match(refused.err, /^mco-deploy: the passphrase does not open /);
    assert.equal(await succeed(ca, 'show', '--pem'), before);
  });
});
