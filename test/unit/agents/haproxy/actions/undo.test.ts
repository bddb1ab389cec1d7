import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trackChanges } from '../../../../../src/agents/haproxy/actions/undo.ts';
import type { Runtime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

/** A line at a process that refuses the commands that match. */
const lineAt = (socket: string, name: string, refuses = /^never$/) => {
  const asked: string[] = [];
  const ask = async (command: string) => {
    asked.push(command);
    if (refuses.test(command)) throw new Error('refused');
    return '';
  };
  const view = { ...backendView('app', []), runtime: { name: socket, ask } };
  return { asked, line: { view, server: server(name, { weight: 20, agent: agentOn }) } };
};

const agentOn = { configured: true, enabled: true, asking: false, status: '', words: '', health: 1 };
const { signal } = new AbortController();

describe('restoring what was changed', () => {
  test('returns each line to its state before its first change, the last change first', async () => {
    const { asked, line } = lineAt('/a', 'web1');
    const changes = trackChanges();
    await changes.setAgent(line, false, signal);
    await changes.set(line, 'drain', signal);
    await changes.set({ ...line, server: { ...line.server, admin: 8 } }, 'maint', signal);
    await changes.weigh(line, '10%', signal);
    await changes.weigh({ ...line, server: { ...line.server, weight: 2 } }, '1', signal);
    assert.deepEqual(asked.splice(0), [
      'disable agent app/web1',
      'set server app/web1 state drain',
      'set server app/web1 state maint',
      'set server app/web1 weight 10%',
      'set server app/web1 weight 1',
    ]);
    const { message } = await changes.putBack(new Error('full'));
    assert.deepEqual(asked, [
      'set server app/web1 weight 20',
      'set server app/web1 state ready',
      'enable agent app/web1',
    ]);
    assert.equal(message, 'full; put back: app/web1 to ready, app/web1 to weight 20');
  });

  test('takes a line out again that was put in', async () => {
    const { asked, line } = lineAt('/a', 'web1');
    const changes = trackChanges();
    await changes.enter({ ...line, server: { ...line.server, admin: 1 } }, signal);
    assert.deepEqual(asked.splice(0), ['set server app/web1 state ready']);
    const { message } = await changes.putBack(new Error('full'));
    assert.deepEqual([asked, message], [['set server app/web1 state maint'], 'full; put back: app/web1 to maint']);
  });

  test('restores a line that was down before any of its changes as down, until its check passes', async () => {
    const { asked, line } = lineAt('/a', 'web1');
    const as = (operational: number, admin = 0) => ({ ...line, server: { ...line.server, operational, admin } });
    const asDown = ['set server app/web1 state drain; set server app/web1 health down'];
    for (const [first, second, commands] of [
      [as(0), as(2, 8), [...asDown, 'set server app/web1 state ready']],
      [as(2), as(0, 8), [...asDown, 'set server app/web1 state ready']],
      [as(3), as(3, 8), [...asDown, 'set server app/web1 state ready']],
      [as(0, 8), as(0, 8), [...asDown, 'set server app/web1 state drain']],
      [as(0, 1), as(0, 8), ['set server app/web1 state maint']],
      [as(2), as(2, 8), ['set server app/web1 state ready']],
    ] as const) {
      const changes = trackChanges();
      await changes.set(first, 'drain', signal);
      await changes.set(second, 'maint', signal);
      asked.length = 0;
      await changes.putBack(new Error('full'));
      assert.deepEqual(asked, commands);
    }
  });

  test('reports nothing more if nothing was changed, and the code and hint of what failed', async () => {
    const failure = new Problem('server-not-up', 'it is down', 'look at it');
    const { code, message, hint } = await trackChanges().putBack(failure);
    assert.deepEqual([code, message, hint], ['server-not-up', 'it is down', 'look at it']);
    assert.equal((await trackChanges().putBack('odd')).code, 'haproxy-failed');
  });

  test('covers only some lines if they are named', async () => {
    const [one, other] = [lineAt('/a', 'web1'), lineAt('/a', 'web2')];
    const changes = trackChanges();
    for (const { line } of [one, other]) await changes.set(line, 'drain', signal);
    const { message } = await changes.putBack(new Error('full'), [other.line]);
    assert.deepEqual([one.asked.length, other.asked.length], [1, 2]);
    assert.equal(message, 'full; put back: app/web2 to ready');
  });
});

describe('restoring what was changed at processes that fail', () => {
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

  test('reports what could not be restored, where, and the rest once in the order of the changes', async () => {
    const [one, other, second] = [lineAt('/a', 'web1'), lineAt('/b', 'web1'), lineAt('/a', 'web2', /enable|weight 20/)];
    const changes = trackChanges();
    for (const { line } of [one, other, second]) await changes.set(line, 'drain', signal);
    await changes.setAgent(second.line, false, signal);
    await changes.weigh(second.line, '1', signal);
    const { message } = await changes.putBack(new Error('full'));
    assert.equal(
      message,
      'full; put back: app/web1 to ready, app/web2 to ready; ' +
        'app/web2 not put back to weight 20 at /a (refused); app/web2 not put back to its agent-check at /a (refused)',
    );
  });
});
