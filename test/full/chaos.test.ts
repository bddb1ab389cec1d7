import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runSeed } from '../chaos/run-seed.ts';
import type { Normal } from '../chaos/usage.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';

describe('runs under faults that a seed chooses, behind two load balancers under HTTP load', {
  timeout: 3_600_000,
}, () => {
  let lab: Lab;
  const normal: Normal = new Map();
  before(async () => {
    lab = await startLab({ lbs: 2, breakable: true });
  });
  after(() => lab.stop());

  for (const seed of [1, 3, 4]) {
    test(`seed ${seed}: the report matches the fleet, resume finishes the rest, and nothing is left over`, async () => {
      const { kind, faults, codes, broken } = await runSeed(lab, normal, seed);
      assert.ok(faults.length > 0, 'a fault came before the run was over');
      const what = `${kind}; ${faults.map((words) => words.join(' on ')).join(', ')}; exit ${codes.join(', ')}`;
      assert.deepEqual(broken, [], `${what}; to repeat: npm run chaos -- --seeds ${seed}`);
    });
  }
});
