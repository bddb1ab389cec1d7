import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { watchSignals } from '../../../../src/client/cli/io/signals.ts';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = names.map((name) => [name, process.listeners(name)] as const);

describe('signals to a command', () => {
  // The runner of tests has its own, which must not receive what is sent here.
  beforeEach(() => {
    for (const name of names) process.removeAllListeners(name);
  });
  afterEach(() => {
    for (const [name, listeners] of before) {
      process.removeAllListeners(name);
      for (const listener of listeners) process.on(name, listener);
    }
  });

  test('end it orderly once, and at once the second time, except for a terminal that is closed', () => {
    for (const [sent, stopped, killed] of [
      [['SIGINT'], 'Ctrl-C', undefined],
      [['SIGTERM'], 'SIGTERM', undefined],
      [['SIGHUP'], 'SIGHUP: the terminal was closed', undefined],
      [['SIGINT', 'SIGINT'], 'Ctrl-C', 'Ctrl-C'],
      [['SIGINT', 'SIGTERM'], 'Ctrl-C', 'SIGTERM'],
      [['SIGTERM', 'SIGINT'], 'SIGTERM', 'Ctrl-C'],
      [['SIGHUP', 'SIGHUP', 'SIGHUP'], 'SIGHUP: the terminal was closed', undefined],
      [['SIGINT', 'SIGHUP'], 'Ctrl-C', undefined],
      [['SIGHUP', 'SIGINT'], 'SIGHUP: the terminal was closed', 'Ctrl-C'],
    ] as const) {
      const signals = watchSignals({});
      const stop = signals.stop();
      for (const name of sent) process.emit(name);
      assert.equal(stop.reason, stopped, sent.join());
      assert.equal(signals.kill.aborted ? signals.kill.reason : undefined, killed, sent.join());
      for (const name of names) process.removeAllListeners(name);
    }
  });

  test('are caught from the first look at them on, once, and a closed terminal does not end it under nohup', () => {
    const counts = () => names.map((name) => process.listenerCount(name));
    const idle = counts();
    const signals = watchSignals({ _: '/usr/bin/nohup' });
    assert.deepEqual(counts(), idle);
    assert.equal(signals.stop(), signals.stop());
    assert.deepEqual(
      counts(),
      idle.map((count) => count + 1),
    );
    process.emit('SIGHUP');
    assert.equal(signals.stop().aborted, false);
    process.emit('SIGTERM');
    assert.equal(signals.stop().aborted, true);
  });
});
