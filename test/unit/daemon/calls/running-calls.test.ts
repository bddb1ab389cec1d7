import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startRunningCalls } from '../../../../src/daemon/calls/running-calls.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('running calls', () => {
  test('have ended when the last one has, including one that failed and one that began meanwhile', async () => {
    const running = startRunningCalls();
    const steps: string[] = [];
    const [first, second, third] = [1, 2, 3].map(() => Promise.withResolvers<number>());
    const one = running.run(() => first?.promise ?? assert.fail());
    const failing = running.run(() => second?.promise ?? assert.fail());
    const ended = running.ended().then(() => steps.push('ended'));
    await turn();
    const last = running.run(() => third?.promise ?? assert.fail());
    first?.resolve(1);
    second?.reject(new Error('it failed'));
    assert.equal(await one, 1);
    await assert.rejects(failing, { message: 'it failed' });
    await turn();
    assert.deepEqual(steps, [], 'the third still runs');
    third?.resolve(3);
    assert.equal(await last, 3);
    await ended;
    assert.deepEqual(steps, ['ended']);
    await running.ended();
  });
});
