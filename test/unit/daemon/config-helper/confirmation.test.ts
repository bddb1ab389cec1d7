import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { errnoOf } from '../../../../src/core/errors.ts';
import { pendingFile } from '../../../../src/core/node-files/pending.ts';
import { awaitConfirmation, bootId, revertIfDue } from '../../../../src/daemon/config-helper/revert.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { until } from '../../../support/until.ts';

test('a change that cannot be seen for a moment is watched further, and each such time is reported once', async (t) => {
  const directory = temporaryDirectory();
  const file = pendingFile(directory);
  mkdirSync(dirname(file), { recursive: true });
  // Reading it fails with EISDIR, as root, too.
  mkdirSync(file);
  t.after(() => rmSync(file, { recursive: true, force: true }));
  const faults: unknown[] = [];
  const waiting = awaitConfirmation(directory, 'abc', (error) => faults.push(errnoOf(error)));
  await until('a fault', () => faults.length === 1, 0);
  rmdirSync(file);
  const seen = Promise.withResolvers<void>();
  const pending = JSON.stringify({ change: 'abc', files: [], until: 1 });
  t.mock.method(Date, 'now', () => {
    seen.resolve();
    return 0;
  });
  writeFileSync(file, pending);
  await seen.promise;
  rmSync(file);
  mkdirSync(file);
  await until('another fault', () => faults.length === 2, 0);
  // Gone, as after a confirmation.
  rmdirSync(file);
  await waiting;
  assert.deepEqual(faults, ['EISDIR', 'EISDIR']);
});

test('a change is taken back at the end of its time, and the daemon loads that, unless it is about to start', async (t) => {
  const now = 1_800_000_000_000;
  t.mock.method(Date, 'now', () => now);
  const revert = async (until: number, take: boolean, more: object = {}, settings?: string) => {
    const directory = temporaryDirectory();
    const loaded = join(directory, 'loaded');
    writeFileSync(join(directory, 'helper.yaml'), settings ?? `restart: [touch, ${loaded}]\n`);
    const change = { change: 'abc', operator: 'rip', state: 'waiting', instance: 'i', effect: 'restart', files: [] };
    mkdirSync(dirname(pendingFile(directory)), { recursive: true });
    const pending = { ...change, until, boot: await bootId(), ...more };
    writeFileSync(pendingFile(directory), JSON.stringify(pending));
    return [await revertIfDue(directory, take), existsSync(pendingFile(directory)), existsSync(loaded)];
  };
  assert.deepEqual(await revert(now + 1, true), [false, true, false]);
  assert.deepEqual(await revert(now, true), [true, false, true]);
  assert.deepEqual(await revert(now, false), [true, false, false]);
  assert.deepEqual(await revert(now + 1, false, { boot: 'another' }), [true, false, false]);
  assert.deepEqual(await revert(now + 1, false, { state: 'switching' }), [true, false, false]);
  await assert.rejects(revert(now, true, {}, 'restart: 1\n'), { code: 'bad-configuration' });
});
