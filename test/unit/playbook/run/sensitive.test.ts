// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric } from '../../../support/fleet/fabric.ts';
import { runText } from '../../../support/fleet/playbook.ts';

const secret = 'bravo7';

/** Runs a playbook with a sensitive input `s` and another one `open`, both with the same value. */
async function run(filter: string, rest = '', inputs = 's: {sensitive: true}, open: {}') {
  const fabric = createFabric([{ name: 'a', agents: ['thing'], facts: { cluster: secret } }]);
  const leases: string[] = [];
  const takeLease = async ({ name }: { name: string }) => void leases.push(name);
  const names = inputs.split(',').map((one) => one.split(':')[0]?.trim() ?? '');
  const text = `name: test
inputs: {${inputs}}
nodes: {all: {agents: [thing]${filter}}}
steps:
  - {id: go, call: thing.blind, on: all}
${rest}
`;
  const report = await runText(
    text,
    { ...fabric, ports: { ...fabric.ports, takeLease } },
    Object.fromEntries(names.map((name) => [name, secret])),
  );
  const reasons = report.failure?.reasons.map(({ code, reason }) => [code, reason]);
  return { report, reasons, leases, discovered: fabric.discovered, calls: fabric.calls };
}

describe('a sensitive input', () => {
  for (const filter of [
    'facts: ["cluster=${{ inputs.s }}"]',
    'facts: ["cluster=${{ inputs.s.lowerAscii() }}"]',
    'facts: ["cluster=${{ inputs.open }}", "${{ inputs[\'s\'] }}"]',
    'classes: ["${{ inputs.s }}"]',
    'identities: ["${{ inputs.s }}"]',
    'select: "fact(\\"cluster\\").value = \\"${{ inputs.s }}\\""',
  ])
    test(`is not sent to nodes in a filter: ${filter}`, async () => {
      const { report, reasons, discovered, calls } = await run(`, ${filter}`);
      assert.deepEqual([report.state, discovered, calls], ['failed', [], []]);
      const what = 'the sensitive input “s” may not be used to find the nodes of “all”';
      assert.deepEqual(reasons, [['bad-input', `${what}: every node would receive it`]]);
    });

  test('is not part of the name of a lease: of one that the playbook gives, or of the cluster', async () => {
    const { reasons, leases, calls } = await run('', 'lock: "x/${{ inputs.s }}"');
    assert.deepEqual([leases, calls], [[], []]);
    assert.deepEqual(reasons, [
      [
        'bad-input',
        'the sensitive input “s” may not be part of the name of the run’s lease: the nodes report it to others',
      ],
    ]);
    assert.deepEqual((await run('', '', 'cluster: {sensitive: true}')).leases, ['test']);
  });

  test('does not keep the other inputs from a filter or a lease, even with the same value', async () => {
    const { report, leases, discovered } = await run(
      ', facts: ["cluster=${{ inputs.open }}"]',
      'lock: "x/${{ inputs.open }}"',
    );
    assert.deepEqual([report.state, leases, discovered.length], ['done', ['x/bravo7'], 1]);
    assert.deepEqual((await run('', '', 'cluster: {}')).leases, ['bravo7']);
  });
});
