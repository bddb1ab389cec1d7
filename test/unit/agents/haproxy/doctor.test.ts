import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { doctorHaproxy } from '../../../../src/agents/haproxy/doctor.ts';
import { fixedNode, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { fakeHaproxy } from '../../../support/agents/haproxy/fake-haproxy.ts';
import { listenAs } from '../../../support/agents/haproxy/listening-haproxy.ts';

describe('the doctor', () => {
  // The machine may have HAProxy processes of its own, or of tests that run at the same time.
  beforeEach(() => {
    mock.method(fs, 'readdir', async (path: string) => {
      assert.equal(path, '/proc');
      return [];
    });
    syncBuiltinESMExports();
  });
  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  const findings = (sockets: string[], signal = new AbortController().signal) =>
    doctorHaproxy({ config: { sockets, timeout: 30 }, node: fixedNode, signal } as never);

  test('finds each HAProxy that replies, and whether it keeps its states over a reload', async (t) => {
    for (const [text, status, what] of [
      ['  load-server-state-from-file local\n', 'ok', /restores its servers’ states when it is reloaded$/],
      ['global\n', 'warning', /forgets its servers’ states .*: a reload while hosts are out lets requests through/],
      [undefined, 'warning', /has a configuration that cannot be read/],
    ] as const) {
      const [fake, file] = [fakeHaproxy({}), join(temporaryDirectory(), 'haproxy.cfg')];
      if (text !== undefined) writeFileSync(file, text);
      // A process in place of HAProxy: its arguments name the file.
      const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore'];
      const child = spawn('sh', ['-c', 'read line', 'haproxy', '-f', file], { stdio });
      t.after(() => child.kill());
      await once(child, 'spawn');
      fake.info.pid = child.pid ?? 0;
      const path = await listenAs(fake);
      const [answers, states, ...more] = await findings([path]);
      assert.deepEqual([answers?.status, answers?.what], ['ok', `HAProxy 3.0.11 answers at ${path}`]);
      assert.deepEqual([states?.status, more], [status, []]);
      assert.match(states?.what ?? '', what);
      assert.equal(states?.fix.includes('load-server-state-from-file global'), status !== 'ok');
    }
  });

  test('finds one that does not reply, next to another that does', async () => {
    const gone = join(temporaryDirectory(), 'gone.sock');
    const found = await findings([gone, await listenAs(fakeHaproxy({}))]);
    assert.equal(found.length, 3);
    assert.match(found[0]?.what ?? '', /gone\.sock cannot be reached/);
    assert.deepEqual([found[0]?.status, found[1]?.status], ['broken', 'ok']);
  });
});
