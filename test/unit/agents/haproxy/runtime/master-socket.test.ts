import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineRuntime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { rejection } from '../../../../support/thrown.ts';

/** How HAProxy 2.6 begins its answer. Its end does not come, and the connection stays open. */
const answer = 'Unknown command, but maybe one of the following ones is a better match:\n  show cli level : …\n';

test('the socket of a master is recognised by its first words, for it keeps the connection open', async () => {
  const path = join(temporaryDirectory(), 'master.sock');
  const server = createServer((socket) => socket.once('data', () => socket.write(answer)));
  await once(server.listen(path), 'listening');
  const problem = await rejection(defineRuntime(path, 30).ask('show info', new AbortController().signal));
  server.close();
  assert.deepEqual([problem.code, problem.message], ['haproxy-answer', `HAProxy at ${path} does not know “show info”`]);
  assert.match(problem.hint, /the socket of its master \(“-S”\) leads to no servers$/);
});
