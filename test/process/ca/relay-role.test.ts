import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hasRelayRole, parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { makeCaCli } from '../../support/program/ca-cli.ts';

describe('the role of a relay', () => {
  test('is given by --relay only to nodes, stays when the certificate is renewed, and can be added then', async () => {
    await using cli = await makeCaCli();
    const ca = async (...argv: string[]) => {
      const { code, err } = await cli.run(['ca', ...argv]);
      assert.equal(code, 0, err);
    };
    const role = async (directory: string) =>
      hasRelayRole(parseCertificate(await readFile(join(cli.dir, directory, 'node.crt'))));
    await ca('init', '--realm', 'devco.net');
    await ca('issue', 'node', 'bastion.devco.net', '--relay', '--out', 'first');
    await ca('renew', 'bastion.devco.net', '--out', 'second');
    await ca('issue', 'node', 'web1.devco.net', '--out', 'plain');
    await ca('renew', 'web1.devco.net', '--relay', '--out', 'added');
    const given = await Promise.all(['first', 'second', 'plain', 'added'].map(role));
    assert.deepEqual(given, [true, true, false, true]);
    await ca('issue', 'operator', 'rip', '--out', 'rip');
    const refused = await cli.run(['ca', 'renew', 'rip', '--relay', '--out', 'never']);
    assert.equal(refused.code, 64);
  });
});
