import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { startRefusalSampling } from '../../../../src/daemon/audit/refusal-sampling.ts';

describe('the sampling of many refusals', () => {
  const [rip, sue] = ['cert=rip@devco.net', 'cert=sue@devco.net'];

  test('records the first in ten seconds, with the number of earlier ones', () => {
    let now = 0;
    const { choose } = startRefusalSampling(() => now);
    const problem = new Problem('busy', 'too much');
    assert.equal(choose(rip, problem), problem);
    assert.equal(choose(sue, problem), problem);
    assert.equal(choose(rip, new Problem('rate-limited', 'too fast'))?.message, 'too fast');
    for (let time = 0; time < 20; time++) assert.equal(choose(rip, problem), undefined);
    now = 10_000;
    assert.equal(choose(rip, problem)?.message, 'too much (and 20 more since 1970-01-01T00:00:00.000Z)');
  });

  test('records nothing until the interval is over, to the millisecond, for each caller and each kind', () => {
    let now = 0;
    const { choose } = startRefusalSampling(() => now, 60_000);
    const problem = new Problem('busy', 'too much');
    assert.equal(choose(rip, problem), problem);
    now = 59_999;
    assert.equal(choose(rip, problem), undefined);
    now = 60_000;
    assert.equal(choose(rip, problem)?.message, 'too much (and 1 more since 1970-01-01T00:00:00.000Z)');
    now = 120_000;
    assert.equal(choose(rip, problem), problem, 'none was left out since');
  });

  test('starts again if the clock is set back by more than the interval', () => {
    let now = 3_600_000;
    const { choose } = startRefusalSampling(() => now);
    const problem = new Problem('busy', 'too much');
    choose(rip, problem);
    now -= 9_999;
    assert.equal(choose(rip, problem), undefined);
    now -= 1;
    assert.ok(choose(rip, problem) !== undefined);
  });

  test('counts up to a thousand, and forgets all of them at one more', () => {
    const { choose } = startRefusalSampling(() => 0);
    const problem = new Problem('busy', 'too much');
    for (let caller = 0; caller < 1000; caller++) choose(`cert=${caller}`, problem);
    assert.equal(choose('cert=0', problem), undefined);
    assert.equal(choose(rip, problem), problem);
    assert.equal(choose('cert=0', problem), problem);
    assert.equal(choose(rip, problem), undefined);
  });
});
