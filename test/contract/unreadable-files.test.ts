import { watchFileCalls } from '../support/faults/file-calls.ts';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openJobs } from '../../src/agents/jobs/store.ts';
import { findEntry } from '../../src/agents/publish/store/entries.ts';
import { openStore as openArtifacts } from '../../src/agents/publish/store/store.ts';
import { createStore, openStore } from '../../src/ca/store/store.ts';
import { makeAuthority } from '../../src/ca/x509/authority.ts';
import { markProcess } from '../../src/core/files/process-mark.ts';
import { helperDirectory } from '../../src/core/node-files/pending.ts';
import { withHelperLock } from '../../src/daemon/config-helper/lock.ts';
import { openCursor } from '../../src/daemon/shipping/cursor.ts';
import { openCache } from '../../src/discovery/cache/cache.ts';
import { sourceFile, withoutDescriptors } from '../support/faults/without-descriptors.ts';
import { keepingLog } from '../support/node/quiet-log.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-unreadable-');
});
afterEach(() => rmSync(root, { recursive: true }));

/** Does work while the calls of a file or directory fail, as without a free descriptor or on a bad disk. */
async function whileFailing<T>(path: string, work: () => Promise<T>, names = ['readFile', 'readdir']): Promise<T> {
  using _watch = watchFileCalls(dirname(path), ({ name, path: at }, _args, real) => {
    if (at !== path || !names.includes(name)) return real();
    return Promise.reject(Object.assign(new Error('EMFILE: injected'), { code: 'EMFILE', syscall: 'open', path }));
  });
  return await work();
}

function put(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

describe('what cannot be read is not taken for missing:', () => {
  test('a job on a node keeps its file', async () => {
    const [id, caller] = ['a'.repeat(32), 'cert=rip@devco.net'];
    const words = { id, caller, agent: 'appmgr', action: 'upgrade', run: '', state: 'ok', code: '', message: '' };
    const job = { ...words, began: Date.now(), ended: Date.now(), status: 0, data: {}, left_out: false };
    const owner = createHash('sha256').update(caller).digest('hex').slice(0, 16);
    const file = put(join(root, `${id}-${owner}.json`), JSON.stringify(job));
    const config = { max_running: 1, max_jobs: 10, max_output: 1000, keep: 60 };
    const open = () => openJobs(root, config, Date.now);
    await assert.rejects(whileFailing(file, open), { code: 'EMFILE' });
    assert.equal((await open()).list(undefined).length, 1);
  });

  test('a published revision cannot be replaced by another', async () => {
    const store = await openArtifacts(join(root, 'publish'));
    const file = put(join(store.application('shop'), 'shop-20.json'), '{"application":"shop"}');
    await assert.rejects(
      whileFailing(file, () => findEntry(store, 'shop', '20')),
      { code: 'EMFILE' },
    );
  });

  test('the CAs before this one stay trusted', async () => {
    const directory = join(root, 'ca');
    await createStore(directory, await makeAuthority('devco.net', Date.now()), '');
    mkdirSync(join(directory, 'previous'), { recursive: true });
    await assert.rejects(
      whileFailing(join(directory, 'previous'), () => openStore(directory)),
      { code: 'unreadable-file' },
    );
  });

  test('the lock of a helper of the configuration is not taken from it', async () => {
    const { host, boot, pid, start } = await markProcess();
    const mark = `${host} ${boot} ${pid} ${start}\n`;
    const lock = put(join(root, helperDirectory, 'lock'), mark);
    await assert.rejects(
      whileFailing(lock, () => withHelperLock(root, async () => {})),
      { code: 'unreadable-file' },
    );
    assert.equal(readFileSync(lock, 'utf8'), mark);
  });

  test('a process still runs', () => {
    const code = `
      const shown = [];
      for (const pid of [process.pid, 2 ** 22 + 1]) try { shown.push(startOf(pid) ?? 'ended'); } catch (error) { shown.push(error.code); }
      return shown;`;
    const imports = `import { startOf } from ${sourceFile('core/files/process-mark.ts')};`;
    assert.deepEqual(withoutDescriptors(imports, code), ['EMFILE', 'EMFILE']);
  });

  test('the nodes of a client’s cache are left as they are', async () => {
    const file = join(root, 'cache.json');
    // A name that cannot be read, and could be replaced.
    symlinkSync(file, file);
    const log = keepingLog();
    const cache = openCache(file, log);
    const place = { addresses: [{ host: '10.0.0.1', port: 5810 }], agents: [], classes: [], facts: {} };
    cache.remember([{ name: 'dev2', ...place }], 2);
    await cache.save();
    assert.ok(lstatSync(file).isSymbolicLink());
    assert.match(log.lines.join(), /cannot be read: there are too many symbolic links in the path; silent nodes/);
  });
});

test('a receiver of the audit log has only what its position on the disk says', async () => {
  const cursor = await openCursor(root, 'siem');
  const record = (sequence: number) => ({ sequence, hash: 'ab'.repeat(32) });
  await cursor.move(record(5));
  const file = join(root, 'audit-ship', 'siem.json');
  const failing = (to: number) => whileFailing(`${file}.new`, () => cursor.move(record(to)), ['open']);
  await assert.rejects(failing(9), { code: 'unwritable-state' });
  assert.equal(cursor.at().sequence, 5);
  await assert.rejects(failing(2), { code: 'unwritable-state' });
  assert.equal(cursor.at().sequence, 2, 'what is sent again is not deleted');
  assert.deepEqual(readdirSync(dirname(file)), ['siem.json']);
});
