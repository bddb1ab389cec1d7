import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parsePrivateKey } from '../../../../src/ca/x509/private-key.ts';
import { initCa } from '../../../../src/client/commands/ca/init.ts';
import { issueNew } from '../../../../src/client/commands/ca/issue.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

describe('ca issue --out that is interrupted at any change of the disk', () => {
  let root: string;
  let kept: string;
  const { context } = quietContext({});
  const place = (name: string) => join(root, name);
  const issue = (more: object = {}) =>
    issueNew('node', 'dev1', { dir: place('ca'), out: place('dev1'), ...more }, context);

  before(async () => {
    root = mkdtempSync('/dev/shm/mco-issue-');
    kept = mkdtempSync('/dev/shm/mco-issue-kept-');
    await initCa({ dir: join(kept, 'ca'), realm: 'devco.net' }, context);
  });
  after(() => {
    for (const directory of [root, kept]) rmSync(directory, { recursive: true });
  });
  const restore = () => {
    rmSync(root, { recursive: true });
    cpSync(kept, root, { recursive: true });
  };

  test('is completed by the same command, without --force', async () => {
    await crashAtEachChange({
      root,
      prepare: restore,
      work: issue,
      least: 10,
      check: async (where, done) => {
        await issue().catch((error: { code?: string }) => {
          // Cut off after its last file, it was done.
          assert.equal(error.code, 'file-exists', `${where}: ${error}`);
          assert.ok(done || !readdirSync(place('dev1')).includes('.node.incomplete'), where);
        });
        const certificate = new X509Certificate(readFileSync(place('dev1/node.crt')));
        const key = parsePrivateKey(readFileSync(place('dev1/node.key'), 'utf8'), '', 'node.key');
        assert.ok(certificate.checkPrivateKey(key), where);
        assert.deepEqual(readdirSync(place('dev1')).sort(), ['ca.crt', 'crl.pem', 'node.crt', 'node.key'], where);
      },
    });
  });

  test('is still refused if a whole certificate exists', async () => {
    restore();
    await issue();
    await assert.rejects(issue(), { code: 'file-exists' });
    await issue({ force: true });
  });
});
