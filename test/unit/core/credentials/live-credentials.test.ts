import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import { startCredentials } from '../../../../src/core/credentials/live-credentials.ts';
import { watchFiles } from '../../../../src/core/files/watch-files.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';

test('credentials that change during their first reading are read again after it', async () => {
  await using fleet = await makeFleet();
  const { certificate, key, ca } = (await fleet.node('dev1.devco.net')).files;
  const crl = join(fleet.dir, 'crl.pem');
  await writeFile(crl, await fleet.crl());
  const { promise: reloaded, resolve: onReload, reject } = Promise.withResolvers<void>();
  let reads = 0;
  const live = await startCredentials({
    files: { certificate, key, ca, crl },
    kind: 'node',
    readRevocations: async (...asked) => {
      if (reads++ === 0) await changeAndBeSeen(certificate);
      return readRevocations(...asked);
    },
    now: Date.now,
    onReload,
    onFault: (fault) => reject(new Error(fault)),
  });
  try {
    await reloaded;
    assert.equal(live.current().credentials.identity.name, 'dev1.devco.net');
    assert.equal(reads, 2);
  } finally {
    live.stop();
  }
});

/** Changes a file and waits as long as the watch over the credentials, begun before this one, does. */
async function changeAndBeSeen(file: string): Promise<void> {
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const stop = watchFiles([file], 1000, resolve);
  await utimes(file, new Date(), new Date());
  await told;
  stop();
}
