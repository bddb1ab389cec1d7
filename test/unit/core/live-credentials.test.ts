import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readRevocations } from '../../../src/ca/revocations.ts';
import { startCredentials } from '../../../src/core/live-credentials.ts';
import { watchFiles } from '../../../src/core/watch-files.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet.ts';

describe('credentials that live', () => {
  let fleet: Fleet;
  let node: Member;

  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev1.devco.net');
  });
  after(() => fleet.remove());

  const writeCrl = async () => {
    const file = join(fleet.dir, 'crl.pem');
    await writeFile(file, await fleet.crl());
    return file;
  };

  test('are read again only after the first time, when the files change meanwhile', async () => {
    const { promise: reloaded, resolve: onReload, reject } = Promise.withResolvers<void>();
    let reads = 0;
    const { certificate, key, ca } = node.files;
    const live = await startCredentials({
      files: { certificate, key, ca, crl: await writeCrl() },
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
    } finally {
      live.stop();
    }
  });
});

/** Changes a file and waits as long as the watch over the credentials, begun before this one, does. */
async function changeAndBeSeen(file: string): Promise<void> {
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const stop = watchFiles([file], 1000, resolve);
  await utimes(file, new Date(), new Date());
  await told;
  stop();
}
