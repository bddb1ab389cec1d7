import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readPolicyContext } from '../../../src/daemon/agents/policy-files.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode } from '../../support/node/node.ts';

const rip = 'cert=rip@devco.net';
const policies = {
  default: `policy default deny\ndeny\t${rip}\t*\tenvironment=production\nallow\t${rip}\t*\tcluster=bravo\n`,
};

let fleet: Fleet;
let operator: Member;
before(async () => {
  fleet = await makeFleet();
  operator = await fleet.operator('rip@devco.net');
});
after(() => fleet.remove());

describe('a node that starts with a file of facts that cannot be read', () => {
  test('refuses what a rule denies by such a fact, until the file can be read', async () => {
    const prepare = (directory: string) => writeFile(join(directory, 'facts.d/environment.yaml'), 'environment: [');
    await using node = await startTestNode(fleet, { policies, prepare });
    const outcome = async () => {
      const { outcome: how, code } = await node.call(operator, {});
      return how === 'ok' ? how : `${how} ${code}`;
    };
    assert.equal(await outcome(), 'refused policy-denied');
    const [record] = (await node.records()).filter(({ kind }) => kind === 'outcome');
    assert.ok(record?.kind === 'outcome' && record.code === 'policy-denied');
    const known = await readPolicyContext(join(node.directory, 'node.yaml'), [probeAgent]);
    assert.deepEqual(known.node.missing, ['*']);
    await writeFile(join(node.directory, 'facts.d/environment.yaml'), 'environment: test\n');
    await node.daemon.reload();
    assert.equal(await outcome(), 'ok');
  });
});
