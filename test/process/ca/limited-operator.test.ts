import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { identityOf, parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { makeCaCli } from '../../support/program/ca-cli.ts';

const hour = 3_600_000;

describe('a certificate for a job', () => {
  test('is short-lived by --valid and limited by --for, and keeps its limit when it is renewed', async () => {
    await using cli = await makeCaCli();
    const ca = async (...argv: string[]) => {
      const { code, err } = await cli.run(['ca', ...argv]);
      assert.equal(code, 0, err);
    };
    const certificate = async (directory: string) =>
      parseCertificate(await readFile(join(cli.dir, directory, 'operator.crt')));
    await ca('init', '--realm', 'devco.net');
    await ca('issue', 'operator', 'ci@devco.net', '--valid', '8h', '--for', 'shop', '--for', 'blog', '--out', 'ci');
    const issued = await certificate('ci');
    assert.deepEqual(identityOf(issued)?.applications, ['shop', 'blog']);
    const left = Date.parse(issued.validTo) - Date.now();
    assert.ok(left > 7 * hour && left <= 8 * hour, issued.validTo);
    await ca('renew', 'ci@devco.net', '--valid', '30m', '--out', 'renewed');
    const renewed = await certificate('renewed');
    assert.deepEqual(identityOf(renewed)?.applications, ['shop', 'blog']);
    assert.ok(Date.parse(renewed.validTo) - Date.now() <= hour / 2);
    await ca('issue', 'operator', 'rip@devco.net', '--out', 'rip');
    assert.equal(identityOf(await certificate('rip'))?.applications, undefined);
  });

  test('is refused with an invalid time or application', async () => {
    await using cli = await makeCaCli();
    assert.equal((await cli.run(['ca', 'init', '--realm', 'devco.net'])).code, 0);
    for (const [words, message] of [
      [['--valid', '8'], /“8” is not a valid time: write it as 30m, 8h or 7d/],
      [['--valid', '0h'], /“0h” is not a valid time/],
      [['--valid', '8h', '--days', '1'], /--days and --valid cannot be combined/],
      [['--for', 'a/b'], /“a\/b” is not a valid name of an application/],
    ] as const) {
      const { code, err } = await cli.run(['ca', 'issue', 'operator', 'ci@devco.net', ...words]);
      assert.equal(code, 64);
      assert.match(err, message);
    }
  });
});
