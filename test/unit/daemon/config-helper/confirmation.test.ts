import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { errnoOf } from '../../../../src/core/errors.ts';
import { pendingFile } from '../../../../src/core/node-files/pending.ts';
import { awaitConfirmation } from '../../../../src/daemon/config-helper/revert.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

test('a change that cannot be seen for a moment is watched further, and the fault is reported once', async () => {
  const directory = temporaryDirectory();
  const file = pendingFile(directory);
  mkdirSync(dirname(file), { recursive: true });
  // Reading it fails with EISDIR, as root, too.
  mkdirSync(file);
  const faults: unknown[] = [];
  const fault = Promise.withResolvers<void>();
  const waiting = awaitConfirmation(directory, 'abc', (error) => {
    faults.push(errnoOf(error));
    fault.resolve();
  });
  await fault.promise;
  // Gone, as after a confirmation.
  rmdirSync(file);
  await waiting;
  assert.deepEqual(faults, ['EISDIR']);
});
