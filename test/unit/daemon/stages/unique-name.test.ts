import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DuplicateNode } from '../../../../src/core/ports.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { answer, type IncomingCall } from '../../../../src/daemon/incoming-call.ts';
import { uniqueName } from '../../../../src/daemon/stages/authorization.ts';

const identity = 'dev1.devco.net';
const mine: DuplicateNode = { identity, addresses: ['10.0.0.1', '10.0.0.9'], since: Date.UTC(2026, 0, 1) };

/** The reply to a call of that kind from a node that knows of these duplicates. */
async function call(duplicates: readonly DuplicateNode[], kind: 'read' | 'change' | undefined) {
  let passed = 0;
  const stage = uniqueName(() => duplicates, identity);
  const next = async () => {
    passed++;
    return answer(okReply({ done: true }));
  };
  const action = kind === undefined ? undefined : { kind };
  const { content } = await stage(next)({ action } as IncomingCall);
  return { passed, content };
}

describe('a node whose name another machine also has', () => {
  test('refuses a change, and names both addresses, which was there first and since when', async () => {
    const { passed, content } = await call([mine], 'change');
    assert.equal(passed, 0);
    assert.deepEqual([content.outcome, content.code], ['refused', 'duplicate-identity']);
    assert.equal(
      content.message,
      'two machines prove to be dev1.devco.net: 10.0.0.1 was there first, 10.0.0.9 since 2026-01-01T00:00:00.000Z',
    );
    assert.match(content.hint, /stop the copy.*ca revoke dev1\.devco\.net/);
  });

  test('refuses an action that it does not know, which might change something', async () => {
    assert.equal((await call([mine], undefined)).passed, 0);
  });

  test('passes requests that only read', async () => {
    assert.equal((await call([mine], 'read')).passed, 1);
  });

  test('excludes a node that only knows of such a case elsewhere', async () => {
    assert.equal((await call([{ ...mine, identity: 'dev2.devco.net' }], 'change')).passed, 1);
    assert.equal((await call([], 'change')).passed, 1);
  });
});
