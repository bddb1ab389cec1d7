import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { unwatchFile, watchFile } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchFiles } from '../../../../src/core/files/watch-files.ts';

const interval = 20;

test('a missing file counts as a change when it appears, and not before', async ({ mock }) => {
  const directory = await mkdtemp(join(tmpdir(), 'mco-watch-'));
  const file = join(directory, 'crl.pem');
  const onChange = mock.fn();
  mock.timers.enable({ apis: ['setTimeout'] });
  const stop = watchFiles([file], interval, onChange);
  // Node reports each event of the file to the watch, which registered first, and then to this.
  const node = new EventEmitter();
  const listener = () => node.emit('told');
  watchFile(file, { interval }, listener);
  try {
    await once(node, 'told');
    mock.timers.tick(interval);
    assert.equal(onChange.mock.callCount(), 0);
    const told = once(node, 'told');
    await writeFile(file, 'a list');
    await told;
    mock.timers.tick(interval);
    assert.equal(onChange.mock.callCount(), 1);
  } finally {
    stop();
    unwatchFile(file, listener);
    await rm(directory, { recursive: true });
  }
});
