// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { createFabric } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

const nodes = ['a', 'b'].map((name) => ({ name, agents: ['thing'] }));
const look = '  - {id: look, call: thing.look, on: all}\n';
const change = '  - {id: change, call: thing.change, on: all, with: {to: x}}\n';

/** Runs with a lease to take; what is done with it and the calls, in their order. */
async function run(steps: string, takeLease: () => Promise<void> = async () => {}, dryRun = false) {
  const log: string[] = [];
  const fabric = createFabric(nodes, { onCall: ({ agent, step }) => void (agent === 'thing' && log.push(step)) });
  const take = async () => {
    await takeLease();
    log.push('lease');
  };
  const ports = { ...fabric.ports, takeLease: take };
  const report = await runText(playbookText(steps), { ...fabric, ports }, {}, { dryRun });
  return { report, log };
}

describe('the lease of a run', () => {
  test('covers the nodes of all sets that are known to be complete, each once, and no others', async () => {
    const taken: string[][] = [];
    const some = ['a', 'b', 'c'].map((name) => ({
      name,
      agents: ['thing'],
      classes: name === 'c' ? ['extra'] : ['own'],
    }));
    const fabric = createFabric(some);
    const takeLease = async ({ nodes: held }: { nodes: readonly string[] }) => void taken.push([...held].sort());
    const text = `name: test
nodes:
  own: {classes: [own]}
  again: {classes: [own]}
  extra: {classes: [extra], allow_missing: true}
steps:
  - {id: go, call: thing.change, on: own, with: {to: x}}
`;
    const report = await runText(text, { ...fabric, ports: { ...fabric.ports, takeLease } });
    assert.deepEqual([report.state, taken], ['done', [['a', 'b']]]);
  });

  test('is taken before anything is read: the basis of a decision must stay true until the change', async () => {
    assert.deepEqual((await run(look + change)).log, ['lease', 'look', 'change']);
    const within = `${look}  - {id: roll, rolling: {over: all, steps: [{call: thing.blind, on: "\${{ batch.names }}"}]}}\n`;
    assert.deepEqual((await run(within)).log.slice(0, 2), ['lease', 'look']);
  });

  test('is not taken by a run that only reads or asks questions, or in a dry run', async () => {
    assert.deepEqual((await run(look)).log, ['look']);
    assert.deepEqual((await run(look + change, undefined, true)).log, ['look', 'change']);
  });

  test('keeps the run from beginning if another run holds it', async () => {
    const held = async () => {
      throw new Problem('lease-held', 'eve holds it');
    };
    const { report, log } = await run(look + change, held);
    assert.deepEqual([report.state, log], ['failed', []]);
    assert.deepEqual(report.failure?.reasons, [{ node: '', code: 'lease-held', reason: 'eve holds it' }]);
  });
});
