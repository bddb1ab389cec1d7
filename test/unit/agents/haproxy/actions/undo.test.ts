import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trackChanges } from '../../../../../src/agents/haproxy/actions/undo.ts';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { backendView, server } from '../../../../support/agents/haproxy-server.ts';

describe('putting back what was changed', () => {
  test('has one deadline for all steps, and a process that hangs does not block the others', async () => {
    const deadlines = new Set<AbortSignal>();
    const done: string[] = [];
    const hung = Promise.withResolvers<string>();
    const runtime = (name: string, answer: () => Promise<string>): Runtime => ({
      name,
      ask: (command, signal) => {
        if (signal !== calling) deadlines.add(signal);
        done.push(`${name} ${command}`);
        return signal === calling ? Promise.resolve('') : answer();
      },
    });
    const calling = new AbortController().signal;
    const changes = trackChanges();
    for (const one of [runtime('hangs', () => hung.promise), runtime('answers', async () => '')]) {
      const view = { ...backendView('app', [server('web1'), server('web2')]), runtime: one };
      for (const own of view.servers) await changes.set({ view, server: own }, 'drain', calling);
    }
    done.length = 0;
    const undone = changes.putBack(new Error('refused'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(done.sort(), [
      'answers set server app/web1 state ready',
      'answers set server app/web2 state ready',
      'hangs set server app/web2 state ready',
    ]);
    hung.reject(new Error('it did not answer'));
    assert.match((await undone).message, /app\/web1 not put back to ready at hangs \(it did not answer\)/);
    assert.equal(deadlines.size, 1);
  });
});
